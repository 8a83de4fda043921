"""Measure explorers in a headless Chromium: sizes, the first picture, going to another query.

    python benchmarks/explorer.py results/explorer/full.html [--pictures docs]

Of that page, and of one of 10,000 queries of a 24-layer model with random numbers, which it makes.
With --pictures it also writes the screenshots of docs/explorer.md and prints what they show.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
for code in ("workflow/lib", "tests/helpers"):
    sys.path.insert(0, str(REPOSITORY / code))

from browser import Browser, Page, browser  # noqa: E402
from measure.machine import machine  # noqa: E402

from genir.files.io import write_json  # noqa: E402

SWITCHES, FRAMES = 8, 60
DRAWN = "Number(document.documentElement.dataset.drawn)"
# Milliseconds from a key to the next query's pictures.
SWITCH = """(async () => {
  const before = document.querySelector("article").dataset.query, began = performance.now();
  const changed = new Promise((done) => {
    new MutationObserver((_, observer) => {
      if (document.querySelector("article")?.dataset.query === before) return;
      observer.disconnect();
      requestAnimationFrame(() => done(performance.now() - began));
    }).observe(document.getElementById("main"), { childList: true });
  });
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
  return changed;
})()"""
# Milliseconds of the slowest of FRAMES frames while the list scrolls from end to end.
SCROLL = """(async () => {
  const list = document.getElementById("list"), most = list.scrollHeight;
  let slowest = 0, last = performance.now();
  for (let i = 0; i <= FRAMES; i++) {
    list.scrollTop = (most * i) / FRAMES;
    await new Promise(requestAnimationFrame);
    slowest = Math.max(slowest, performance.now() - last);
    last = performance.now();
  }
  return slowest;
})()""".replace("FRAMES", str(FRAMES))


def measured(opened: Browser, file: Path, rounds: int) -> dict[str, Any]:
    """What is told of one page, opened `rounds` times, SWITCHES queries each; times are
    milliseconds."""
    page = opened.page()
    firsts = []
    for _ in range(rounds):
        began = time.perf_counter()
        page.open(file)
        page.wait(DRAWN)
        firsts.append(1000 * (time.perf_counter() - began))
    page.call("Performance.enable", timeDomain="threadTicks")
    before = busy(page)
    switches = sorted(page.run(SWITCH) for _ in range(rounds * SWITCHES))
    cpu = busy(page) - before
    slowest = page.run(SCROLL)
    scrolling = busy(page) - before - cpu
    found = {
        "bytes": file.stat().st_size,
        "first_picture_ms": round(statistics.median(firsts)),
        "switch_median_ms": round(statistics.median(switches)),
        "switch_cpu_ms": round(cpu / len(switches)),
        "switch_slowest_ms": round(switches[-1]),
        "scroll_slowest_frame_ms": round(slowest),
        "scroll_cpu_ms_per_frame": round(scrolling / FRAMES, 1),
        "queries": page.run("document.getElementById('count').innerText"),
    }
    page.close()
    return found


def busy(page: Page) -> float:
    """Milliseconds of the processor that the page took so far, whatever else runs."""
    told = page.call("Performance.getMetrics")["metrics"]
    return 1000 * next(metric["value"] for metric in told if metric["name"] == "TaskDuration")


def large_page(folder: Path, queries: int, heads: int) -> tuple[Path, float]:
    """The page of a large model, and the seconds that making it from its files took."""
    from measure.explored import MODEL, LargeResults

    from genir.pages import places
    from genir.pages.explorer import explorer_page

    results = LargeResults(folder, queries, heads, seed=0).write()
    model = places.model_folder(results, MODEL.name)
    began = time.perf_counter()
    text = explorer_page(results, places.dataset(results), model, MODEL, [])
    page = folder / "large.html"
    page.write_text(text, encoding="utf-8")
    return page, time.perf_counter() - began


def take_pictures(page: Page, file: Path, folder: Path) -> None:
    """The screenshots of docs/explorer.md, and on standard output what they show."""
    from measure.looks import chosen_looks

    for look in chosen_looks(file):
        page.size(1280, 640 if look.name == "words" else 1000)
        page.open(file, look.fragment)
        page.wait(DRAWN)
        page.run("document.activeElement?.blur()")
        page.run(f"document.querySelector({look.seen!r})?.scrollIntoView()")
        take_picture(page, folder / f"explorer_{look.name}.png")
        print(f"explorer_{look.name}.png: {look.said}")
    page.open(file, "view=all")
    page.wait(DRAWN)
    page.size(1280, 1000)
    take_picture(page, folder / "explorer_all.png")


def take_picture(page: Page, path: Path) -> None:
    """With 256 colours, for half of the bytes."""
    from PIL import Image

    page.picture(path)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(
            256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        ).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("page", type=Path, help="an explorer in its results folder")
    parser.add_argument("--pictures", type=Path, help="folder for screenshots")
    parser.add_argument("--only-pictures", action="store_true", help="measure nothing")
    parser.add_argument("--queries", type=int, default=10_000, help="of the large model")
    parser.add_argument("--heads", type=int, default=16, help="of the large model")
    parser.add_argument("--rounds", type=int, default=5, help="how often a page is opened")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with browser(folder / "profile") as opened:
            if asked.pictures:
                take_pictures(opened.page(), asked.page, asked.pictures)
            if asked.only_pictures:
                return
            large, seconds = large_page(folder, asked.queries, asked.heads)
            found = {
                "machine": machine(),
                "rounds": asked.rounds,
                "browser": opened.call("Browser.getVersion")["product"],
                "default": measured(opened, asked.page, asked.rounds),
                "large": {"queries_asked": asked.queries, "made_s": round(seconds, 1)}
                | measured(opened, large, asked.rounds),
            }
    write_json(asked.out / "explorer.json", found)
    print(asked.out / "explorer.json")


if __name__ == "__main__":
    main()

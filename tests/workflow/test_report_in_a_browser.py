"""Every entry of the report shows something, in both forms, in a real browser without a network."""

import zipfile

import pytest
from conftest import REPOSITORY

pytestmark = pytest.mark.browser

TINY = REPOSITORY / "config/tiny.yaml"
# Puts an entry where the report puts it, by the report's own words for it.
SHOW = """(async () => {
  const entry = results[%r], kind = getResultMimeType(%r);
  document.getElementById("tried")?.remove();
  const picture = kind.startsWith("image/");
  const shown = document.createElement(picture ? "img" : "iframe");
  shown.id = "tried";
  const loaded = new Promise((done) => { shown.onload = done; });
  shown.src = entry.data_uri;
  document.body.append(shown);
  await loaded;
  return picture ? shown.naturalWidth : kind === "text/html" ? -1 : 0;
})()"""


@pytest.fixture(scope="module", params=["html", "zip"])
def report(request, snakemake, tiny_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    file = folder / f"report.{request.param}"
    done = snakemake(tiny_run, "--configfile", TINY, "--report", file)
    assert done.returncode == 0, done.stdout[-3000:]
    if file.suffix == ".html":
        return file
    with zipfile.ZipFile(file) as packed:
        packed.extractall(folder)
    return folder / "report" / "report.html"


def test_every_entry_shows_something(page, report):
    page.open(report)
    page.wait("typeof results === 'object' && typeof getResultMimeType === 'function'")
    entries = page.run("Object.keys(results)")
    assert any("explorer" in entry for entry in entries)
    assert not [entry for entry in entries if entry.endswith((".md", ".csv"))]
    for entry in entries:
        width = page.run(SHOW % (entry, entry))
        assert width != 0, f"{entry} shows nothing"
        if width < 0:
            inside = page.frame()
            inside.wait("document.documentElement.dataset.drawn")
            assert inside.run("document.querySelectorAll('main td, main svg').length") > 0, entry
            assert "cannot be shown" not in inside.run("document.body.innerText"), entry
    assert page.errors == []
    asked = [url for url in page.requests if not url.startswith(("data:", "file:"))]
    assert asked == []


def test_the_first_page_begins_with_its_text(page, report):
    page.size(1280, 800)
    page.open(report)
    page.wait("document.querySelector('.prose')?.innerText")
    place = page.run("document.querySelector('.prose').getBoundingClientRect().toJSON()")
    menu = page.run("document.querySelector('nav').getBoundingClientRect().right")
    assert 0 <= place["top"] < 100
    assert menu <= place["left"] < place["right"] <= 1280
    assert place["width"] > 400


def test_the_explorer_opens_by_clicks(page, report):
    page.open(report)
    page.wait("document.querySelectorAll('a span').length > 3")
    page.run(
        "[...document.querySelectorAll('a')].find((a) => a.innerText.trim() === 'Explorer').click()"
    )
    page.wait("document.querySelectorAll('td a').length")
    page.run("document.querySelector('td a').click()")
    page.wait("document.querySelector('iframe')")
    inside = page.frame()
    inside.wait("document.documentElement.dataset.drawn")
    assert " on hpo-2k" in inside.run("document.querySelector('#name').innerText")
    assert page.errors == []

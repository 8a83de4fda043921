import re
import sys

import pytest
import yaml
from manners import REPOSITORY, imported_packages, rules

DISTRIBUTIONS = {
    "yaml": "PyYAML",
    "ir_datasets": "ir-datasets",
    "ir_measures": "ir-measures",
    "huggingface_hub": "huggingface-hub",
}
# Imported only where it is installed.
OPTIONAL = {"transformer_lens"}
# jsonargparse reads docstrings with it; BM25, Parquet and metrics need what no script names.
SCRIPTS = sorted((REPOSITORY / "workflow/scripts").glob("*.py"))


def _environment_of(script):
    for rule in rules():
        if rule["script"] == script or (rule["script"] is None and script.startswith("figure_")):
            return rule["environment"] or "plot"
    return None


def _pins(environment):
    entries = yaml.safe_load((REPOSITORY / f"envs/{environment}.yaml").read_text())["dependencies"]
    (pip,) = [entry["pip"] for entry in entries if isinstance(entry, dict)]
    return {re.split("==", pin)[0].lower() for pin in pip}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_environment_of_a_rule_holds_what_its_script_imports(script):
    environment = _environment_of(script.stem)
    if environment is None:
        assert script.stem in ("script", "patch_files"), "a script without a rule"
        return
    packages = imported_packages(script, REPOSITORY / "workflow/lib")
    outside = packages - set(sys.stdlib_module_names) - {"script", "patch_files"} - OPTIONAL
    needed = {DISTRIBUTIONS.get(name, name).lower() for name in outside}
    assert needed <= _pins(environment)


def test_only_training_and_model_analyses_import_torch():
    light = {"data", "plot"}
    for script in SCRIPTS:
        if _environment_of(script.stem) in light:
            packages = imported_packages(script, REPOSITORY / "workflow/lib")
            assert not packages & {"torch", "transformers"}, script.stem

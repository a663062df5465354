"""The recipe for kind and k3d in docs/how-to.md agrees with the program and with itself."""

import re
from textwrap import dedent

import yaml

from stacks.settings.layers import merged
from tests.support.cluster import FakeCluster, storage_class
from tests.support.recording import ROOT, run_values, stack_values

(RECIPE,) = re.findall(
    r"^## Try it on kind or k3d\n(.*?)^## ", (ROOT / "docs/how-to.md").read_text(), re.M | re.S
)


def test_the_recipe_builds_and_loads_the_image_that_stacks_run() -> None:
    built = re.findall(r"docker build --tag (\S+) \.", RECIPE)
    loaded = re.findall(r"(?:kind load docker-image|k3d image import) (\S+)", RECIPE)
    (image,) = re.findall(r"pulumi config set servicesImage (\S+) --stack kind", RECIPE)
    assert (built, loaded) == ([image], [image, image])


def test_the_program_accepts_the_recipes_settings_on_a_new_cluster() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", RECIPE, re.S)
    (image,) = re.findall(r"pulumi config set servicesImage (\S+)", RECIPE)
    values = stack_values("node") | {"vaultmesh:servicesImage": image}
    changed = merged(values["vaultmesh:settings"], yaml.safe_load(dedent(block)))
    classes = re.findall(r"(?:storageClass: |the class `)([\w-]+)", RECIPE)
    assert len(classes) == 2, "one for kind, one for k3d"
    for class_name in classes:
        values["vaultmesh:settings"] = {**changed, "storageClass": class_name}
        cluster = FakeCluster(classes=[storage_class(class_name, default=True)])
        assert run_values(values, cluster=cluster).resources


def test_the_recipe_watches_the_cluster_and_namespace_that_it_makes() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", RECIPE, re.S)
    settings = yaml.safe_load(dedent(block))
    (watched,) = re.findall(r"ops watch --context (\S+) --namespace (\S+)", RECIPE)
    assert watched == (settings["cluster"]["context"], settings["namespace"])
    made, loaded, deleted = re.findall(r"kind .*--name (\w+)", RECIPE)
    assert {f"kind-{name}" for name in (made, loaded, deleted)} == {watched[0]}

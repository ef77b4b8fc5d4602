"""ASTRA YAML: small files in its documented form, and what of a space and a study they hold."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import multiverse as mv
from multiverse.errors import SpaceError
from multiverse.interchange.from_astra import from_astra
from multiverse.interchange.ids import each_its_own, is_id, option_ids, slug
from multiverse.interchange.to_astra import to_astra
from multiverse.space.condition import When

# After examples/iris of LightconeResearch/astra-spec 0.0.14, shortened.
IRIS = """
version: "0.0.14"
name: Iris
inputs: [{id: flowers, type: data}]
outputs: [{id: accuracy, type: metric, decisions: [scaling, model]}]
prior_insights:
  distances:
    claim: Distances depend on the scale of features.
    created_at: "2026-05-11T00:00:00Z"
    evidence: [{id: paper, doi: "10.1000/182"}]
decisions:
  scaling:
    label: Feature scaling
    rationale: |
      Scaling matters
      to distances.
    tags: [features, preprocessing]
    default: standard
    options:
      none:
        label: No scaling
      standard:
        label: Z scores
        description: Mean 0, standard deviation 1.
        insights: [distances]
      minmax:
        label: 0 to 1
        incompatible_with: [model.svm]
      ranks:
        label: Ranks
        excluded: true
        excluded_reason: Ties are many.
  model:
    label: Model
    default: forest
    options:
      svm: {label: Support vectors, requires: [scaling.standard]}
      forest: {label: Random forest}
  kernel:
    label: Kernel
    when: [model.svm, ~scaling.none]
    options:
      linear: {label: linear}
      radial: {label: radial}
"""

# After examples/iris_pipeline, shortened: sub-analyses that share a decision and an id.
PIPELINE = """
version: "0.0.14"
name: Two stages
inputs: []
outputs: []
decisions:
  seed:
    label: Seed
    options: {seed_42: {label: "42"}, seed_7: {label: "7"}}
analyses:
  extraction:
    decisions:
      seed: {from: ../seed}
      method:
        label: Method
        options:
          pca: {label: PCA}
          mlp: {label: MLP, incompatible_with: [size.three, seed.seed_7]}
      size:
        label: Components
        options: {two: {label: "2"}, three: {label: "3"}}
  classification:
    analyses:
      last:
        decisions:
          split: {from: ../../seed}
          method:
            label: Classifier
            when: split.seed_42
            options: {svm: {label: SVM}, knn: {label: neighbours}}
"""


def test_decisions_options_and_their_reasons() -> None:
    space = from_astra(IRIS)
    scaling, model, kernel = space.decisions.values()
    assert scaling.kind == "preprocessing" and model.kind == "decision"
    assert scaling.labels == ("No scaling", "Z scores", "0 to 1", "Ranks") and scaling.reference == "Z scores"
    assert scaling.rationale == "Scaling matters\nto distances."
    assert scaling.option("Z scores").why == (
        "Mean 0, standard deviation 1. Distances depend on the scale of features. (doi:10.1000/182)"
    )
    assert [option.value for option in model.options] == ["svm", "forest"]  # what a recipe is given
    assert kernel.reference == "linear"


def test_what_options_ask_and_when_decisions_apply() -> None:
    space = from_astra(IRIS)
    assert space.decisions["model"].option("Support vectors").requires == When({"scaling": "Z scores"})
    assert space.decisions["scaling"].option("0 to 1").incompatible_with == When({"model": "Support vectors"})
    assert [(rule.why, rule.rule) for rule in space.rules][1] == ("Ties are many.", When({"scaling": "Ranks"}))
    assert [u.labels for u in space] == [
        ("No scaling", "Random forest", None),
        ("Z scores", "Support vectors", "linear"),
        ("Z scores", "Support vectors", "radial"),
        ("Z scores", "Random forest", None),
        ("0 to 1", "Random forest", None),
    ]


def test_a_file_of_somebody_else_is_written_in_its_own_words() -> None:
    told, again = yaml.safe_load(IRIS), yaml.safe_load(to_astra(from_astra(IRIS)))
    for name, decision in told["decisions"].items():
        other = again["decisions"][name]
        assert other["default"] == decision.get("default", "linear")
        assert {o: x["label"] for o, x in other["options"].items()} == {
            o: x["label"] for o, x in decision["options"].items()
        }
    assert again["decisions"]["scaling"]["rationale"] == told["decisions"]["scaling"]["rationale"].strip()
    assert again["decisions"]["scaling"]["options"]["ranks"]["excluded_reason"] == "Ties are many."
    assert again["decisions"]["model"]["options"]["svm"]["requires"] == ["scaling.standard"]
    assert set(again["decisions"]["kernel"]["when"]) == {"model.svm", "~scaling.none"}


def test_sub_analyses_join_in_one_space() -> None:
    space = from_astra(PIPELINE)
    assert list(space.decisions) == ["seed", "extraction_method", "size", "classification_last_method"]
    assert len(space) == sum(
        (2 if seed == "42" else 1)  # the classifier applies for one seed
        for seed in ("42", "7")
        for method in ("PCA", "MLP")
        for size in ("2", "3")
        if not (method == "MLP" and (size == "3" or seed == "7"))
    )


def test_a_sub_analysis_in_a_file_of_its_own(tmp_path: Path) -> None:
    inner = "name: fit\ndecisions:\n  method:\n    label: M\n    options: {a: {label: A}, b: {label: B}}\n"
    (tmp_path / "stages" / "fit").mkdir(parents=True)
    (tmp_path / "stages" / "fit" / "astra.yaml").write_text(inner)
    (tmp_path / "astra.yaml").write_text(inner.replace("method", "split") + "analyses: {fit: {path: stages/fit}}\n")
    assert list(from_astra(tmp_path / "astra.yaml").decisions) == ["split", "method"]
    (tmp_path / "stages" / "fit" / "astra.yaml").write_text(inner.replace("label: M", "labl: M"))
    with pytest.raises(SpaceError, match="the text") as raised:
        from_astra("name: x\ndecisions: {}\nanalyses: {fit: {path: nowhere}}\n")
    assert "line 3, analyses.fit.path: there is no file" in str(raised.value)
    with pytest.raises(SpaceError, match="yaml, stages/fit/astra.yaml, line 4, decisions.method.labl: 'labl'"):
        from_astra(tmp_path / "astra.yaml")


def effect(data, *, Slope, zeros):
    return 1.0


def test_a_study_says_what_goes_in_and_what_comes_out() -> None:
    space = mv.Space(
        Slope=mv.prior(weak=print, sceptical=len),
        zeros=mv.preprocessing({"0.1": 0.1, "0.3": 0.3}, why={"0.3": "half the limit of detection"}),
    ).forbid("they never meet", {"Slope": "sceptical", "zeros": "0.3"})
    study = mv.Study("radon", data=[1, 2], estimate=effect, estimands=["raw data", "effect"], space=space)
    text = to_astra(study, rationale={"Slope": "No earlier study\nof it is known."})
    told = yaml.safe_load(text)
    assert told["name"] == "radon" and told["version"] == "0.0.14"
    assert [(x["id"], x["type"]) for x in told["inputs"] + told["outputs"]] == [
        ("raw_data", "data"),
        ("raw_data_2", "metric"),
        ("effect", "metric"),
    ]
    assert told["outputs"][1]["decisions"] == ["slope", "zeros"]
    assert told["decisions"]["slope"]["rationale"] == "No earlier study\nof it is known."
    assert told["decisions"]["zeros"]["options"] == {
        "option_0_1": {"label": "0.1"},
        "option_0_3": {"label": "0.3", "description": "half the limit of detection", "requires": ["slope.weak"]},
    }
    again = from_astra(text, values=study.space)
    assert list(again.decisions) == ["Slope", "zeros"] and list(again) == list(space)
    assert again.decisions["Slope"].rationale == "No earlier study\nof it is known."
    assert again.rules[0].why == "they never meet"


def test_a_rationale_of_nothing_is_a_mistake() -> None:
    with pytest.raises(SpaceError, match="`rationale` names 'slop'.*\n.*slope\n.*Did you mean 'slope'"):
        to_astra(mv.Space(slope=mv.prior(a=1)), rationale={"slop": "x"})


def test_what_applies_within_what_applies() -> None:
    """`~a.z` is true where `a` does not apply, so what `a` needs is asked again."""
    three = {"x": 1, "y": 2, "z": 3}
    space = mv.Space(**{name: mv.prior(three) for name in "abc"})
    space = space.only_when("b", {"a": ["x", "y"]}).only_when("c", {"b": ["x", "y"]})
    told = yaml.safe_load(to_astra(space))["decisions"]
    assert told["b"]["when"] == ["~a.z"] and told["c"]["when"] == ["~b.z", "~a.z"]
    assert list(from_astra(to_astra(space))) == list(space)


def test_an_or_of_two_decisions_is_refused_by_name() -> None:
    space = mv.Space(**{name: mv.prior(x=1, y=2) for name in "abc"})
    with pytest.raises(SpaceError, match=r"the rule of only_when\('c'\) is no list of labels"):
        to_astra(space.only_when("c", lambda a, b: a == "x" or b == "x"))


def test_two_options_of_one_label_are_told_apart_by_their_ids() -> None:
    text = "decisions:\n  d:\n    label: D\n    options: {a: {label: same}, b: {label: same}, c: {label: other}}\n"
    assert from_astra(text).decisions["d"].labels == ("same (a)", "same (b)", "other")


def test_ids() -> None:
    assert [slug(x, "option") for x in ["Five homes", "0.1", "Ünï-codé", "Ω", "inputs", "  "]] == [
        "five_homes", "option_0_1", "uni_code", "option", "inputs_option", "option",
    ]  # fmt: skip
    assert each_its_own(["a", "a_2", "a", "a"]) == ["a", "a_2", "a_3", "a_4"]
    assert is_id("a_1") and not any(map(is_id, ["A", "1a", "options", "a-b", "", None, 1]))
    decision = mv.prior({"A": "b", "b": "c d", "B": 3})
    assert option_ids(decision) == {"A": "b", "b": "b_2", "B": "b_3"}

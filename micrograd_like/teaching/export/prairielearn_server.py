"""Grades a question in PrairieLearn, and says which mistake is behind wrong answers; made by micrograd_like.

It needs nothing but Python: which numbers each mistake leads to was computed before, and stands in exercise.json.
"""

import json
from pathlib import Path
from typing import Any


def generate(data: dict[str, Any]) -> None:
    """Tell PrairieLearn the right answers; the elements of question.html compare with them."""
    data["correct_answers"].update(_exercise(data)["correct_answers"])


def grade(data: dict[str, Any]) -> None:
    """Add what the wrong answers tell; the elements have graded each answer before."""
    exercise = _exercise(data)
    wrong = [name for name in exercise["asked"] if data["partial_scores"].get(name, {}).get("score") != 1]
    said = [exercise["asked"][name]["hint"] for name in wrong if exercise["asked"][name]["of_values"]][:1]
    if any(not exercise["asked"][name]["of_values"] for name in wrong):
        said += _diagnosis(exercise, data["submitted_answers"], wrong)
    if said:
        data["feedback"]["diagnosis"] = " ".join(said)


def _diagnosis(exercise: dict[str, Any], submitted: dict[str, Any], wrong: list[str]) -> list[str]:
    """Return sentences about wrong gradients: of the mistake that gives all the numbers, or of those that it may be."""
    gradients = [name for name, asked in exercise["asked"].items() if not asked["of_values"]]
    wrong = [name for name in wrong if name in gradients]

    def giving(names: list[str]) -> list[dict[str, Any]]:
        return [
            mistake
            for mistake in exercise["mistakes"]
            if all(_is_close(submitted.get(name), mistake["answers"][name], exercise["tolerance"]) for name in names)
        ]

    for mistake in giving(gradients):
        return [mistake["said"]]
    first, fitting = exercise["asked"][wrong[0]], giving(wrong)
    where = f"It first shows at {first['name']}."
    if not fitting:
        return ["No mistake that is known here gives these numbers.", where, first["hint"]]
    names = "; or ".join(mistake["name"] for mistake in fitting)
    return [f"It may be: {names}.", where, *dict.fromkeys(mistake["question"] for mistake in fitting)]


def _is_close(submitted: Any, number: float, tolerance: float) -> bool:
    return isinstance(submitted, int | float) and abs(submitted - number) <= tolerance


def _exercise(data: dict[str, Any]) -> dict[str, Any]:
    path = Path(data["options"]["question_path"]) / "exercise.json"
    exercise: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return exercise

"""Every problem that a route declares can be provoked: none is declared for show."""

from problem_recipes import RECIPES, cells

from gateway.codes import Code

NEVER_DECLARED = {
    Code.FORBIDDEN,  # the one identity there is may do everything
    Code.INTERNAL,  # a bug
    Code.METHOD_NOT_ALLOWED,  # no operation's answer, but the router's
}


def test_every_declared_problem_has_a_recipe() -> None:
    without = {f"{route.about.name}: {code}" for route, code in cells() if code not in RECIPES}
    assert without == set(), "write a recipe in tests/support/problem_recipes.py"


def test_every_code_is_declared_somewhere_or_never() -> None:
    declared = {code for _, code in cells()}
    assert declared == set(RECIPES)
    assert declared | NEVER_DECLARED == set(Code)
    assert not declared & NEVER_DECLARED

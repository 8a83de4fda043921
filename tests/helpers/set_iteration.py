"""Where a program's results can depend on the order of a set, which differs from run to run."""

import ast
from collections.abc import Iterator
from pathlib import Path

SETS = ("set", "frozenset")
SET_METHODS = ("union", "intersection", "difference", "symmetric_difference")
# Given a set or a generator over one, these do not care in which order it comes.
ORDERLESS = (
    "sorted", "len", "min", "max", "sum", "any", "all", "set", "frozenset", "isinstance", "bool",
)  # fmt: skip
OPERATORS = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
SCOPES = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def iterated_sets(path: Path) -> list[int]:
    """Lines that iterate a set, unless the order is lost again at once (sorted, len, another set).

    A set is a set expression, or a name that only ever gets set expressions in its function.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    lines = []
    for scope in (node for node in ast.walk(tree) if isinstance(node, SCOPES)):
        nodes = list(_own_nodes(scope))
        names = _set_names(nodes)
        for node in nodes:
            if any(_is_set(source, names) for source in _iterated(node, parents)):
                lines.append(node.lineno)
    return sorted(lines)


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, SCOPES):
            yield from _own_nodes(child)


def _set_names(nodes: list[ast.AST]) -> frozenset[str]:
    given: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = [(target, node.value)]
                if isinstance(target, ast.Tuple):
                    values = getattr(node.value, "elts", [node.value] * len(target.elts))
                    pairs = list(zip(target.elts, values, strict=False))
                for name, value in pairs:
                    if isinstance(name, ast.Name):
                        given.setdefault(name.id, []).append(value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            given.setdefault(node.target.id, []).append(node.value)
    names: frozenset[str] = frozenset()
    for _ in given:
        names = frozenset(
            name for name, values in given.items() if all(_is_set(v, names) for v in values)
        )
    return names


def _is_set(node: ast.AST, names: frozenset[str]) -> bool:
    if isinstance(node, (ast.Set, ast.SetComp)):
        return True
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.Call):
        function = node.func
        if isinstance(function, ast.Attribute):
            return function.attr in SET_METHODS and _is_set(function.value, names)
        return isinstance(function, ast.Name) and function.id in SETS
    if isinstance(node, ast.BinOp) and isinstance(node.op, OPERATORS):
        return _is_set(node.left, names) or _is_set(node.right, names)
    if isinstance(node, ast.IfExp):
        return _is_set(node.body, names) or _is_set(node.orelse, names)
    return False


def _iterated(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> list[ast.AST]:
    """What a node iterates in an order that can be seen."""
    if isinstance(node, (ast.For, ast.Starred)):
        return [node.iter if isinstance(node, ast.For) else node.value]
    if isinstance(node, (ast.ListComp, ast.DictComp)):
        return [each.iter for each in node.generators]
    if isinstance(node, ast.GeneratorExp):
        call = parents[node]
        lost = isinstance(call, ast.Call) and _name(call) in ORDERLESS
        return [] if lost else [each.iter for each in node.generators]
    if isinstance(node, ast.Call) and _name(node) in (
        "list", "tuple", "enumerate", "iter", "next", "zip", "map", "filter", "join", "array",
        "Series", "Index", "fromkeys", "extend", "tensor", "chain",
    ):  # fmt: skip
        lost = isinstance(parents.get(node), ast.Call) and _name(parents[node]) in ORDERLESS
        return [] if lost else list(node.args)
    return []


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")

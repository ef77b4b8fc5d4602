"""Fingerprints of functions: what a function computes decides, not how or where it is written."""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
import textwrap
from types import ModuleType

import numpy as np
import pytest

from multiverse.errors import FingerprintError
from multiverse.identity.fingerprint import fingerprint


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Writes modules into a folder of their own and imports the first of them."""
    made: set[str] = set()
    count = iter(range(1000))

    def write_and_import(**texts: str) -> ModuleType:
        folder = tmp_path / str(next(count))
        folder.mkdir()
        for name, text in texts.items():
            (folder / f"{name}.py").write_text(textwrap.dedent(text))
            sys.modules.pop(name, None)
        made.update(texts)
        importlib.invalidate_caches()
        with monkeypatch.context() as patch:
            patch.syspath_prepend(folder)
            for name in reversed(texts):
                importlib.import_module(name)
            return sys.modules[next(iter(texts))]

    yield write_and_import
    for name in made:
        sys.modules.pop(name, None)


@pytest.fixture
def of(load):
    """The fingerprint of `f` in a module of this text."""
    return lambda text, **others: fingerprint(load(study_fp=text, **others).f)


def test_what_means_nothing_changes_nothing(of):
    plain = of("def f(x, *, a=2):\n    y = x + a\n    return y * 2\n")
    same = [
        '''
        # a comment
        import os

        def f(
            x: float, *, a: int = (2)
        ) -> "float":
            """A docstring."""
            y: float = (x  +  a)  # why
            "a string that does nothing"
            pass

            return y * 2
        ''',
        "def g(x, *, a=1 + 1):\n    y = x + a; return y * 2\nf = g",
        "def outer():\n    def f(x, *, a=2):\n        y = x + a\n        return y * 2\n    return f\nf = outer()",
    ]
    assert {of(text) for text in same} == {plain}


def test_what_means_something_changes_the_fingerprint(of):
    texts = [
        "def f(x, *, a=2):\n    y = x + a\n    return y * 2\n",
        "def f(x, *, a=3):\n    y = x + a\n    return y * 2\n",
        "def f(x, *, a=2.0):\n    y = x + a\n    return y * 2\n",
        "def f(x, *, b=2):\n    y = x + b\n    return y * 2\n",
        "def f(x, a=2):\n    y = x + a\n    return y * 2\n",
        "def f(x, *, a):\n    y = x + a\n    return y * 2\n",
        "def f(x, *, a=2):\n    y = x - a\n    return y * 2\n",
        "def f(x, *, a=2):\n    y = x + a\n    return y * 3\n",
        "def f(x, *, a=2):\n    y = x + a\n    return y * 2.0\n",
        "def f(x, *, a=2):\n    y = x + a\n    return y\n",
        "async def f(x, *, a=2):\n    y = x + a\n    return y * 2\n",
        "def f(x, *, a=2):\n    y = x + a\n    yield y * 2\n",
        "def f(x, *, a=2):\n    y = f'{x}' + a\n    return y * 2\n",
        "def f(x, *, a=2):\n    y = f'{x!r}' + a\n    return y * 2\n",
    ]
    assert len(set(map(of, texts))) == len(texts)


def test_values_captured_count():
    def scaled(by):
        return lambda x: x * by

    assert fingerprint(scaled(2.0)) == fingerprint(scaled(2.0)) != fingerprint(scaled(3.0))
    assert fingerprint(scaled(np.arange(3))) != fingerprint(scaled(np.arange(3) + 1))
    assert fingerprint(scaled(scaled(1))) != fingerprint(scaled(scaled(2)))

    def late():
        def early():
            return unset

        found = fingerprint(early)
        unset = 1
        return found, fingerprint(early)

    assert len(set(late())) == 2


def test_global_constants_count_by_value_and_others_not_at_all(of):
    text = "A = {'x': [1]}\nB = 1\ndef f(B=0):\n    return A, B\n"
    assert of(text) == of(text.replace("B = 1", "B = 2"))
    assert of(text) != of(text.replace("[1]", "[2]"))
    attribute = "A = 1\ndef f(x):\n    return x.A\n"
    assert of(attribute) == of(attribute.replace("A = 1", "A = 2"))
    missing = "def f():\n    return later\n"
    assert of(missing) != of(missing + "later = 1\n")


HELPERS = (
    "LIMIT = 3\ndef inner(x):\n    return x * LIMIT\ndef helper(x):\n    return inner(x) + 1\ndef unused():\n    pass\n"
)


@pytest.mark.parametrize(
    "study",
    [
        "from helpers_fp import helper\ndef f(x):\n    return helper(x)\n",
        "from helpers_fp import helper as h\ndef f(x):\n    return [h(y) for y in x]\n",
        "import helpers_fp\ndef f(x):\n    return helpers_fp.helper(x)\n",
        "import helpers_fp as hs\ndef f(x):\n    def g():\n        return hs.helper(x)\n    return g()\n",
        "def f(x):\n    from helpers_fp import helper\n    return helper(x)\n",
        "def f(x):\n    import helpers_fp as hs\n    return hs.helper(x)\n",
        "def f(x):\n    import helpers_fp\n    return helpers_fp.helper(x)\n",
        "import helpers_fp\ndef make(hs):\n    return lambda x: hs.helper(x)\nf = make(helpers_fp)\n",
        "import helpers_fp\nclass C:\n    def run(self, x):\n        return helpers_fp.helper(x)\nf = C().run\n",
    ],
)
def test_helpers_in_a_second_file_count(of, study):
    now = of(study, helpers_fp=HELPERS)
    unchanged = HELPERS.replace("+ 1", "+ (1)  # one").replace("    pass", "    return 7")
    assert of(study, helpers_fp='"""Helpers."""\n' + unchanged) == now
    for old, new in [("+ 1", "+ 2"), ("x * LIMIT", "x / LIMIT"), ("LIMIT = 3", "LIMIT = 4")]:
        assert of(study, helpers_fp=HELPERS.replace(old, new)) != now


def test_a_module_of_ones_own_may_be_used_but_not_handed_around(of):
    with pytest.raises(FingerprintError, match="f -> global 'helpers_fp' is your module 'helpers_fp' as a whole"):
        of("import helpers_fp\ndef f(x):\n    return getattr(helpers_fp, x)\n", helpers_fp=HELPERS)


def test_functions_may_call_each_other_in_circles(of):
    text = "def f(n):\n    return n == 0 or odd(n - 1)\ndef odd(n):\n    return n != 0 and f(n - 1)\n"
    assert of(text) == of("REGISTRY = [1]\n" + text)
    assert of(text) != of(text.replace("n != 0", "n > 0"))
    registry = "def f(n):\n    return ALL['g'](n)\ndef g(n):\n    return ALL['f'](n) + 1\nALL = {'f': f, 'g': g}\n"
    assert of(registry) == of(registry.replace("{'f': f, 'g': g}", "{'g': g, 'f': f}"))
    assert of(registry) != of(registry.replace("+ 1", "+ 2"))


def test_the_way_into_a_circle_does_not_change_its_members(load):
    module = load(
        study_fp="def a(n):\n    return b(n) + 1\ndef b(n):\n    return c(n), a(n)\ndef c(n):\n    return a(n), b(n)\n"
    )
    a, b, c = module.a, module.b, module.c
    assert fingerprint({"a": a, "b": b, "c": c}) == fingerprint({"c": c, "b": b, "a": a})
    assert fingerprint(frozenset([a, b, c])) == fingerprint(frozenset([c, a, b]))


def test_many_functions_that_all_call_each_other_take_no_longer(load):
    names = [f"f{i}" for i in range(40)]
    calls = " + ".join(f"{name}(n)" for name in names)
    module = load(study_fp="\n".join(f"def {name}(n):\n    return {i} + {calls}" for i, name in enumerate(names)))
    assert len({fingerprint(getattr(module, name)) for name in names[:3]}) == 3


def test_decorated_functions(of):
    text = """
        import functools
        def twice(function):
            @functools.wraps(function)
            def wrapper(*args):
                return 2 * function(*args)
            return wrapper
        @twice
        def f(x):
            return x + 1
    """
    now = of(text)
    assert of(text.replace("functools.wraps(function)", "functools.wraps(function)  # keep the name")) == now
    changes = [("2 *", "3 *"), ("x + 1", "x + 2"), ("@twice\n", "\n"), ("@twice", "@functools.lru_cache")]
    assert len({now, *(of(text.replace(old, new)) for old, new in changes)}) == 5


def test_partials_methods_and_callable_instances():
    def power(x, n, scale=1):
        return scale * x**n

    class Model:
        def __init__(self, n):
            self.n = n

        def run(self, x):
            return x**self.n

        def __call__(self, x):
            return self.run(x)

        @functools.cached_property
        def square(self):
            return self.n**2

    partials = [functools.partial(power, n=2), functools.partial(power, n=3), functools.partial(power, 2), power]
    assert len(set(map(fingerprint, partials))) == 4
    assert fingerprint(functools.partial(power, n=2, scale=1)) == fingerprint(functools.partial(power, scale=1, n=2))
    two = Model(2)
    assert fingerprint(two.run) == fingerprint(Model(2).run) != fingerprint(Model(3).run)
    before = fingerprint(two)
    assert two.square == 4  # the cache on the instance is not part of what it is
    assert fingerprint(two) == before != fingerprint(Model(3))
    assert len({fingerprint(f) for f in (two, two.run, Model, Model.run, Model.square)}) == 5


CLASS = """
    import dataclasses
    class Base:
        factor = 2
        def scale(self):
            return self.factor
    @dataclasses.dataclass
    class C(Base):
        n: int = 1
        def __post_init__(self):
            self.n += 1
        @property
        def double(self):
            return 2 * self.n
        @staticmethod
        def zero():
            return 0
    def f(x):
        return C(x).double
"""


@pytest.mark.parametrize(
    "change",
    [
        *[("factor = 2", "factor = 3"), ("return self.factor", "return -self.factor"), ("n: int = 1", "n: int = 2")],
        *[("+= 1", "+= 2"), ("2 * self.n", "3 * self.n"), ("return 0", "return 1"), ("C(Base)", "C")],
        *[("dataclasses.dataclass", "dataclasses.dataclass(frozen=True)"), ("n: int = 1", "m: int = 0; n: int = 1")],
    ],
)
def test_classes_count_by_members_and_bases(of, change):
    assert of(CLASS) != of(CLASS.replace(*change))


def test_classes_do_not_count_by_docstrings_and_comments(of):
    commented = CLASS.replace("class C(Base):", 'class C(Base):  # a class\n        """A docstring."""')
    assert of(CLASS) == of("import os\n" + textwrap.dedent(commented))


def test_a_global_path_below_the_study_is_where_the_study_is(of):
    text = (
        "import pathlib\nHERE = pathlib.Path(__file__).parent\nDATA = HERE / 'd.csv'\ndef f():\n    return HERE, DATA\n"
    )
    assert of(text) == of(text) != of(text.replace("d.csv", "e.csv"))


def test_installed_callables_count_by_name():
    import jax
    import jax.numpy as jnp
    import scipy.special
    import scipy.stats

    def plain(x):
        return x**2

    functions = [np.log, jnp.log, jnp.where, jax.nn.relu, jax.nn.sigmoid, scipy.special.expit, scipy.stats.norm]
    functions += [scipy.stats.norm.pdf, scipy.stats.norm(0, 1), scipy.stats.norm(0, 2), np.linalg.norm, sorted]
    functions += [plain, jax.jit(plain), jax.vmap(plain), jax.grad(plain), np.vectorize(plain), jax.vmap(jnp.sum)]
    functions += [
        functools.singledispatch(plain),
        functools.lru_cache(plain),
        contextlib.contextmanager(plain),
        jax.checkpoint(plain),
    ]
    assert len(set(map(fingerprint, functions))) == len(functions)
    assert fingerprint(jax.jit(plain)) == fingerprint(jax.jit(plain))
    assert fingerprint(lambda x: jnp.log(x)) == fingerprint(lambda x: jnp.log(x))


def test_the_same_name_bound_to_another_installed_function_counts(of):
    text = "from numpy import log\ndef f(x):\n    return log(x)\n"
    assert of(text) != of(text.replace("numpy", "math")) != of(text.replace("log", "log2"))
    assert of("import numpy as m\ndef f(x):\n    return m.log(x)\n") != of(
        "import math as m\ndef f(x):\n    return m.log(x)\n"
    )


def test_what_a_function_captured_is_named_on_the_way_to_a_mistake(load):
    module = load(
        study_fp="""
        import numpy as np
        import helpers_fp
        def model(data):
            return helpers_fp.scale(data)
        """,
        helpers_fp="""
        import numpy as np
        SETTINGS = {"rng": np.random.default_rng(1)}
        def make(rng):
            def scale(x, seed=rng):
                return x * rng.normal() * SETTINGS["rng"].normal()
            return scale
        scale = make(np.random.default_rng(2))
        """,
    )
    with pytest.raises(FingerprintError) as caught:
        fingerprint(module.model)
    found = [p.what.partition(" is a numpy")[0] for p in caught.value.problems]
    assert found == [
        "model -> helper 'helpers_fp.scale' -> default 0 of its arguments",
        "model -> helper 'helpers_fp.scale' -> global 'SETTINGS' -> ['rng']",
    ]

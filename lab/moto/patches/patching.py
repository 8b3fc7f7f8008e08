"""How moto's own classes are patched. What a patch expects there has to be there: another version of moto differs."""

from typing import Any


def replace(target: type, **methods: Any) -> None:
    """Puts each in the place of moto's own."""
    for name, method in methods.items():
        if not hasattr(target, name):
            raise AttributeError(f"moto's {target.__name__} has no {name} to replace")
        setattr(target, name, method)


def add(target: type, **methods: Any) -> None:
    """Adds what moto lacks."""
    for name, method in methods.items():
        if hasattr(target, name):
            raise AttributeError(f"moto's {target.__name__} has a {name} of its own")
        setattr(target, name, method)

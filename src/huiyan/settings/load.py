"""Reads the settings, once, and refuses every name that does not exist."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from huiyan.errors import SettingsError
from huiyan.messages import Text, refusal
from huiyan.settings import environment
from huiyan.settings.model import Settings
from huiyan.settings.selected import IGNORE_VARIABLE

#: Read here, not by the model: it says where the model's file is.
_CONFIG_VARIABLE = "HUIYAN_CONFIG"
#: The name that people know for `models.hub`, from the documentation and from other tools.
_HUB_VARIABLE = "HUIYAN_HUB"
_FILE_NAME = "huiyan.toml"


def load(flags: Mapping[str, Any], *, config: Path | None = None) -> Settings:
    """flags: what was given on the command line, nested like the settings; config: `--config`.

    Raises: SettingsError.
    """
    variables = environment.variables()
    _refuse_unknown_variables(variables)
    data_dir = Path(
        flags.get("data_dir") or variables.get("HUIYAN_DATA_DIR") or platformdirs.user_data_dir("huiyan")
    )
    data_dir = data_dir.expanduser().absolute()
    named = config or (Path(variables[_CONFIG_VARIABLE]) if _CONFIG_VARIABLE in variables else None)
    path = named or data_dir / _FILE_NAME
    from_file = _read(path, required=named is not None)
    from_hub = {"models": {"hub": variables[_HUB_VARIABLE]}} if _HUB_VARIABLE in variables else {}

    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (
                init_settings,
                env_settings,
                InitSettingsSource(settings_cls, init_kwargs=from_hub),
                InitSettingsSource(settings_cls, init_kwargs=from_file),
            )

    try:
        return Loaded(**{**flags, "data_dir": data_dir})
    except ValidationError as error:
        raise _refusal(error, flags, variables, path) from None


def _read(path: Path, *, required: bool) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if required:
            raise refusal(
                SettingsError, "settings.file", path=path, reason=Text("reason.absent", {})
            ) from None
        return {}
    except NotADirectoryError:
        return {}
    except PermissionError as error:
        if not required:
            # The check of the data directory says what is wrong with it, and how to mend it.
            return {}
        raise refusal(SettingsError, "settings.file", path=path, reason=error.strerror) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise refusal(SettingsError, "settings.file", path=path, reason=error) from None
    if "data_dir" in found:
        raise refusal(SettingsError, "settings.data_dir_in_file", path=path)
    return found


def variable_names() -> list[str]:
    """Every `HUIYAN_*` variable that means something, with its section."""
    return [
        _CONFIG_VARIABLE,
        _HUB_VARIABLE,
        IGNORE_VARIABLE,
        *(environment.PREFIX + "__".join(path).upper() for path in _paths(Settings)),
    ]


def _paths(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    """Every section and every setting in it, as deep as they go."""
    for name, field in model.model_fields.items():
        yield (name,)
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for inner in _paths(kind):
                yield (name, *inner)


def _refuse_unknown_variables(variables: Iterable[str]) -> None:
    known = variable_names()
    for name in sorted(variables):
        if name.upper() not in known:
            raise _unknown(name, known, source="the environment")


def _unknown(name: str, known: Iterable[str], *, source: str) -> SettingsError:
    nearest = difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)
    return refusal(SettingsError, "settings.unknown", name=name, source=source, nearest=nearest[0])


def _refusal(
    error: ValidationError, flags: Mapping[str, Any], variables: Mapping[str, str], path: Path
) -> SettingsError:
    first = error.errors(include_url=False, include_context=False)[0]
    location = [str(part) for part in first["loc"]]
    name = ".".join(location)
    if first["type"] == "extra_forbidden":
        return _unknown(name, _dotted_names(), source=str(path))
    return refusal(
        SettingsError,
        "settings.invalid",
        name=name,
        reason=first["msg"],
        where=_origin(location, flags, variables, path),
    )


def _flag(location: list[str]) -> str:
    """The section's own name is no part of a flag, but that of a group in it is: --port, --tls-cert."""
    return "--" + "-".join(location[1:] or location).replace("_", "-")


def _dotted_names() -> list[str]:
    paths = list(_paths(Settings))
    sections = {path[:-1] for path in paths}
    return [".".join(path) for path in paths if path not in sections and path != ("data_dir",)]


def _origin(location: list[str], flags: Mapping[str, Any], variables: Mapping[str, str], path: Path) -> str:
    """Where the value came from, in the words in which it is corrected."""
    found: Any = flags
    for part in location:
        found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, Mapping):
        # Several values that do not go together.
        return ", ".join(_flag([*location, name]) for name, value in found.items() if value is not None)
    if found is not None:
        return _flag(location)
    variable = environment.PREFIX + "__".join(location).upper()
    if any(name.upper() == variable for name in variables):
        return variable
    return str(path)

"""Settings: flags > `HUIYAN_*` > huiyan.toml > defaults. The only package that reads the environment.

`environment` is light and can be imported before anything else; `model` and `load` bring pydantic along.
"""

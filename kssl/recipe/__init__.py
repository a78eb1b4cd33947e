"""Recipes: one YAML file names the data, the pretext task, the model and how it is trained.

`{use: name, **arguments}` means `kssl.plugins.find(kind, name)(**arguments)`, at every depth,
and the signature of what is called is the schema.
"""

from __future__ import annotations

from kssl.recipe.loading import load, locate
from kssl.recipe.problems import Problem, RecipeError
from kssl.recipe.recipe import Recipe
from kssl.recipe.settings import FitSettings, Settings

__all__ = ["FitSettings", "Problem", "Recipe", "RecipeError", "Settings", "load", "locate"]

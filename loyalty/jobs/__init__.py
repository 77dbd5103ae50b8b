"""Work by business date: a schedule, a run log, and the jobs themselves."""

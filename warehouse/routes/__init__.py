"""The API origin's routes, one module per group; each has ``routes(warehouse) -> list[Route]``."""

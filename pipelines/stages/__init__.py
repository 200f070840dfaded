"""One verb a module, a frozen dataclass in and a frozen dataclass out: export, build, deploy, serve."""

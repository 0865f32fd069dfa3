"""How the cases were made; needs Playwright and the packages that SOURCES.toml names, unpacked."""

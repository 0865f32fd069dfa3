"""Components of a running system: releases of them, and replacing one so that it can be undone."""

"""What every plain route goes through. The hot path calls the same plain functions itself."""

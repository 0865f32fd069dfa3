"""The model calls tools itself: `request → offer → (engine → stream → calls)… → answer`, step by step."""

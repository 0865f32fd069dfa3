"""Where model files come from: hubs, mirrors, directories, other machines; and how they get here."""

"""A catalogue of titles: its jobs, its shards, how far it is, and how it would scale."""

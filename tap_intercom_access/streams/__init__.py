"""The streams: what Intercom sends, turned into Singer's schemas, records and state."""

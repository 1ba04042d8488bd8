"""The streams. They turn Intercom's rows into Singer's schemas, records, and state."""

"""Commands generated from the operations of a document."""

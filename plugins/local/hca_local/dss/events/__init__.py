"""Events, their journal, and subscriptions to them."""

"""Which rows take which routes: from a batch's layout to index tensors and terms."""

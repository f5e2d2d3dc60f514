"""The parts that hca 7's upload client was made of, as far as scripts may use them."""

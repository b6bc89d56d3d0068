"""How networks do on data that they have not learned from: one table, one sheet."""

"""Model servers: talking to them within their budgets, their prices and their seats."""

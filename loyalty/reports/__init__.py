"""What finance reads: tables with their definitions, and the facts behind them."""

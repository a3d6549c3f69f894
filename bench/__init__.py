"""What watcher costs, measured: `python -m bench`. Each file measures one family of figures; `goals.py` judges them."""

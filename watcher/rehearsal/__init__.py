"""Trying rules before trusting them: the product itself, over a store in memory and a clock that is set.

    cases     given records over time -> what was told, held against what was expected     (`watcher test`)
    backtest  the stored history through other rules -> what they would have sent          (`watcher backtest`)
    examples  an event of any type, to see its messages                                    (`watcher render`)

Nothing is decided here that the product decides: `stage` runs its polls and its alarms, `memory` is its store.
"""

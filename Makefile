# What takes more than a command to remember; the tests and the rest are in .ci/run.

.PHONY: deb
deb: ## dist/watcher_VERSION_ARCH.deb, for this machine's Debian
	packaging/deb

.PHONY: man
man: ## dist/watcher.1 and dist/watcher-config.5, of the same day for the same SOURCE_DATE_EPOCH
	mkdir -p dist
	python3 -m watcher manual >dist/watcher.1
	python3 -m watcher manual --section 5 >dist/watcher-config.5

# What takes more than a command to remember; the tests and the rest are in .ci/run.

.PHONY: deb
deb: ## dist/watcher_VERSION_ARCH.deb, for this machine's Debian
	packaging/deb

# Every target does its own set-up: npm packages (Node 26 among them) and the native tools it needs.
# `make help` lists the targets.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Node 26, tsc, biome, vitest and buf from the lock file, whatever the machine itself has.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

INSTALLED := node_modules/.package-lock.json

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z][a-z0-9-]*:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(INSTALLED) ## Three regions on this machine, real events, one region killed and healed (KEEP=1 leaves it running)
	@node scripts/tool.mjs nats-server >/dev/null
	@node lab/demo/main.ts

.PHONY: test
test: check unit simulation integration ## Everything that CI runs: checks, unit tests, simulation, integration tests

.PHONY: check
check: $(INSTALLED) ## Types, lint, import boundaries, protocol lint, generated code, repeated code
	@node scripts/check.ts

.PHONY: unit
unit: $(INSTALLED) ## Pure tests beside the sources (seconds)
	@vitest run --project unit

.PHONY: simulation
simulation: $(INSTALLED) ## 2,000 simulated runs of each profile, and what breaks without each rule
	@vitest run --project simulation

.PHONY: simulate
simulate: $(INSTALLED) ## Simulate faults: RUNS=2000 SEED=1 PROFILE=hard,line; one seed explained: TRACE=1; a rule away: OFF=scan
	@nice -n 10 node test/simulation/main.ts --runs $(or $(RUNS),2000) --seed $(or $(SEED),1) \
	  $(if $(PROFILE),--profile $(PROFILE)) $(if $(OFF),--off $(OFF)) $(if $(STEPS),--steps $(STEPS)) $(if $(TRACE),--runs 1 --trace)

.PHONY: integration
integration: $(INSTALLED) ## Tests on real nats-servers and gateways
	@for tool in nats-server toxiproxy-server k6 etcd kube-apiserver helm kubeconform promtool kubectl argocd-health; do node scripts/tool.mjs $$tool >/dev/null; done
	@vitest run --project integration

.PHONY: bench
bench: $(INSTALLED) ## Measure against js.publish, the bare writer, consume and native sources; writes load/results/bench.json
	@node scripts/tool.mjs nats-server >/dev/null
	@node load/bench/main.ts

.PHONY: drill
drill: $(INSTALLED) ## Break a mesh under load and count what was lost: DRILL=region-loss|link-cut|nats-leader-loss ARGS="--help"
	@for tool in nats-server k6; do node scripts/tool.mjs $$tool >/dev/null; done
	@node load/drills/main.ts $(DRILL) $(ARGS)

.PHONY: chaos
chaos: $(INSTALLED) ## Faults under load, and what they did to the events (SEED=7 MINUTES=5 RUNS=1 CHAOS="--help" for more)
	@node scripts/tool.mjs nats-server >/dev/null
	@node scripts/tool.mjs toxiproxy-server >/dev/null
	@node test/chaos/main.ts $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(RUNS),--runs $(RUNS)) $(CHAOS)

.PHONY: e2e
e2e: $(INSTALLED) ## Three regions on real pods: on a Kubernetes node of its own (root), or on the cluster of KUBECONFIG=file
	@node test/kubernetes/main.ts $(if $(filter command line,$(origin KUBECONFIG)),--kubeconfig $(KUBECONFIG)) $(if $(REGISTRY),--registry $(REGISTRY))

.PHONY: guide
guide: $(INSTALLED) ## Run docs/kubernetes.md as it is written, on a Kubernetes node of its own, or on the cluster of KUBECONFIG=file
	@node test/kubernetes/main.ts $(if $(filter command line,$(origin KUBECONFIG)),--kubeconfig $(KUBECONFIG)) -- node test/kubernetes/guide.ts

.PHONY: growth
growth: $(INSTALLED) ## CPU per event, idle CPU and memory of a gateway at 1 to 1,000 topics and 3 to 7 regions; writes load/results/growth.json
	@node scripts/tool.mjs nats-server >/dev/null
	@node load/growth/main.ts $(ARGS)

.PHONY: lab
lab: $(INSTALLED) ## Start a mesh and leave it running until Ctrl-C (LAB="--regions a,b --nodes 3")
	@node scripts/tool.mjs nats-server >/dev/null
	@node lab/main.ts $(LAB)

.PHONY: generate
generate: $(INSTALLED) ## Generate code from proto/, the resource definitions, and the chart's schema and README
	@cd proto && buf generate
	@node operator/api/generate.ts
	@node scripts/chart/main.ts

.PHONY: images
images: $(INSTALLED) ## Container images as OCI archives in dist/images, without a container engine
	@node scripts/images/main.ts

.PHONY: format
format: $(INSTALLED) ## Format the sources
	@biome check --write .

.PHONY: tools
tools: $(INSTALLED) ## Build the native tools into the user's cache now
	@for tool in nats-server toxiproxy-server k6 etcd kube-apiserver helm kubeconform promtool kubectl argocd-health; do node scripts/tool.mjs $$tool; done

.PHONY: clean
clean: ## Remove installed packages and state (the user-level tool cache stays)
	rm -rf node_modules */node_modules .state

$(INSTALLED): package-lock.json package.json
	@echo "installing npm packages from the lock file ..."
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

/** What the HTTP interface answers. Made by `npm run dashboard -- types`; not to be edited. */
export interface paths {
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the parts that this stands on are there */
        get: operations["getHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/system": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What system this is: how many aggregators, how many it takes, how long a slot is */
        get: operations["getSystem"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who one is */
        get: operations["getSession"];
        put?: never;
        /** Sign in: sets the session cookie */
        post: operations["signIn"];
        /** Sign out: ends the session */
        delete: operations["signOut"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/accounts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All accounts */
        get: operations["listAccounts"];
        put?: never;
        /** Add an account */
        post: operations["addAccount"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/accounts/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Remove an account, its sessions and tokens */
        delete: operations["removeAccount"];
        options?: never;
        head?: never;
        /** Change an account; its sessions end */
        patch: operations["changeAccount"];
        trace?: never;
    };
    "/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What was done with accounts and by operators, newest first */
        get: operations["listAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/accounts/{name}/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** API tokens of an account */
        get: operations["listTokensOf"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/accounts/{name}/tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Revoke an API token of an account */
        delete: operations["removeTokenOf"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** API tokens of one's own account */
        get: operations["listTokens"];
        put?: never;
        /** Make an API token: it is shown this once */
        post: operations["addToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Revoke an API token */
        delete: operations["removeToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/bills": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Bills by period and meter; a customer sees their own only */
        get: operations["listBills"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/bills/{meter}/{period}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A bill row by row, in all its versions */
        get: operations["getBill"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/bills/{meter}/{period}/receipt": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The receipt of the final bill: its text, its tariff, and the proof that it is in the log */
        get: operations["getReceipt"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/feeders": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All feeders and how far they are */
        get: operations["listFeeders"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/feeders/{feeder}/loads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A feeder's load, slot by slot */
        get: operations["listLoads"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/feeders/{feeder}/balances": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the meter at a feeder's head shows that its meters do not */
        get: operations["listBalances"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/rounds": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Rounds, newest first */
        get: operations["listRounds"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/rounds/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A round, and who answered wrongly in it */
        get: operations["getRound"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/detections": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Wrong answers of aggregators, newest first */
        get: operations["listDetections"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/analytics/results": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What was computed on ciphertexts and opened, newest window first */
        get: operations["listResults"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/analytics/results/{job}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A result with its numbers, and whether the loads from shares agree with it */
        get: operations["getResult"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/learning/rounds": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Learning rounds and noised releases, newest first */
        get: operations["listModelRounds"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/learning/tradeoff": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The newest measurement of `npm run learn -- tradeoff`: convergence, and error against epsilon */
        get: operations["getTradeoff"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/showcase": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A simulated household's newest readings, their shares, and what the broker saw of them */
        get: operations["getShowcase"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/alerts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Alerts, newest first */
        get: operations["listAlerts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/alerts/rules": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The rules in force */
        get: operations["listAlertRules"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/alerts/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** An alert, and what was done with it */
        get: operations["getAlert"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/alerts/{id}/acknowledge": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Say that somebody sees to it */
        post: operations["acknowledgeAlert"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/alerts/{id}/silence": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tell nobody for some time, not even when the same fires again */
        post: operations["silenceAlert"];
        /** End a silence before its time */
        delete: operations["unsilenceAlert"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/grid/state": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The newest state: voltages, flows, losses, risk, findings; columns in the order of the topology */
        get: operations["getGridState"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/grid/topology": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Buses with places on a map, branches, and which feeder's load is whose */
        get: operations["getGridTopology"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/grid/node/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A bus with its branches, findings and last scans */
        get: operations["getGridNode"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/grid/risk": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Buses and branches by how near they are to their limits, the riskiest first */
        get: operations["listGridRisks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/grid/loss": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Losses, efficiency, and proposals beside the best, scan by scan */
        get: operations["listGridLosses"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/grid/statistics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Figures over the scans of a time, and of analytics since it was started */
        get: operations["getGridStatistics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/grid/optimize": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Switches to change for the loads of now; nothing is switched */
        post: operations["optimizeGrid"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/grid/paths": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A way from a generator to every load, for the loads of now */
        get: operations["getGridPaths"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/grid/forecast": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A day of each feeder, or of one: quantiles, what needs no model, and what came */
        get: operations["getGridForecast"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/grid/maintenance": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Assets with risk and remaining life, what to do in which week, before and after */
        get: operations["getGridMaintenance"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/grid/renewables": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Sun and wind, the mix, and what buses can host */
        get: operations["getGridRenewables"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/log/checkpoint": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The newest checkpoint that enough witnesses have seen (C2SP tlog-checkpoint) */
        get: operations["getCheckpoint"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/log/policy": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** By which key and witnesses the log is believed (C2SP tlog-policy): compare it with one from elsewhere */
        get: operations["getPolicy"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/log/entries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Entries of the log, newest first */
        get: operations["listEntries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/log/entries/{index}/proof": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The proof that an entry is in the log (C2SP tlog-proof) */
        get: operations["proveEntry"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/log/consistency": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The proof that the log of one size goes on from the log of another (RFC 9162, 2.1.4) */
        get: operations["proveConsistency"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A stream of server-sent events; `Last-Event-ID` goes on where a connection broke off */
        get: operations["streamEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Figures in the text format of Prometheus */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        ProblemInput: {
            /** @constant */
            type: "about:blank";
            title: string;
            status: number;
            code: string;
            detail: string;
            /** @description What is wrong with which part of the request. */
            errors?: {
                field: string;
                message: string;
            }[];
        };
        /** @enum {string} */
        AlertSeverityInput: "info" | "warning" | "critical";
        AlertRuleInput: {
            name: string;
            severity: components["schemas"]["AlertSeverityInput"];
            /** @enum {string} */
            signal: "branch-loading" | "branch-temperature" | "bus-voltage" | "lacking-power" | "grid-risk" | "technical-losses" | "theft" | "bad-data" | "dead-sensor" | "lost-samples" | "unobservable" | "suspect-state" | "no-state" | "grid-age" | "load-age" | "missing-meters" | "balance-residual" | "balance-detections" | "aggregator-lies" | "failed-rounds" | "privacy-share" | "privacy-spent" | "broker-away" | "notices";
            /** @description Fires when the value is above it */
            above?: number;
            /** @description Fires when the value is below it */
            below?: number;
            /** @description Over when the value is back here; default: the limit */
            clear?: number;
            /**
             * @description Seconds that it must last before it fires
             * @default 0
             */
            for: number;
            /**
             * @description Patterns with `*`: one of them must match the element
             * @default [
             *       "*"
             *     ]
             */
            elements: string[];
            /** @description With {element}, {value}, {unit}, {limit} and {detail} */
            text: string;
            /**
             * @description False keeps an alert about something public to the staff
             * @default true
             */
            publish: boolean;
        };
        GridFindingInput: {
            /** @enum {string} */
            kind: "overload" | "overheating" | "undervoltage" | "overvoltage" | "no-supply" | "theft" | "bad-data" | "dead-sensor" | "lost-samples" | "unobservable" | "suspect-state" | "no-state" | "stale";
            element: string;
            /** @description Unix seconds of the first scan of those in a row that show it */
            since: number;
            /** @description How many in a row show it */
            scans: number;
            value: number;
            limit: number;
            unit: string;
        };
        GridLossesInput: {
            transmissionLinesMw: number;
            transmissionTransformersMw: number;
            distributionLinesMw: number;
            distributionTransformersMw: number;
            shuntsMw: number;
            /** @description The sum of the above: what physics takes */
            technicalMw: number;
        };
        GridSwitchingInput: {
            /** @description Of the state that it was computed for, Unix seconds */
            time: number;
            /** @enum {string} */
            method: "policy" | "exact" | "exchange" | "random";
            /** @description Branches that it opens */
            open: number[];
            lossKw: number;
            /** @description lossKw + riskWeight x risk + violationWeight x violation */
            cost: number;
            /** @description The same of the switches as they are */
            presentCost: number;
            presentLossKw: number;
            /** @description Load that it leaves without supply */
            unservedMw: number;
            /** @description Load without supply as the switches are */
            presentUnservedMw: number;
            /**
             * @description `certified`: all trees were tried
             * @enum {string}
             */
            reference: "certified" | "best known";
            referenceCost: number;
            /** @description Of cost above referenceCost */
            gapPercent: number | null;
        };
        GridStateInput: {
            case: string;
            /** @description Digest of the topology whose order the columns have */
            topology: string;
            /** @description Counts scans since analytics was started */
            sequence: number;
            /** @description Of the samples, Unix seconds; simulated time in a simulation */
            time: number;
            /** @description Unix seconds of the wall clock */
            publishedAt: number;
            /** @enum {string} */
            source: "simulated" | "csv" | "mqtt";
            /** @description Some sample was simulated */
            simulated: boolean;
            /** @description Scans have stopped: this is an old state */
            stale: boolean;
            /** @description The case names no ratings for some branches; what is shown is assumed */
            assumedRatings: boolean;
            /** @enum {string} */
            status: "trusted" | "suspect" | "unobservable" | "failed";
            loads: {
                /**
                 * @description `feeders`: released totals of private rounds
                 * @enum {string}
                 */
                source: "feeders" | "case" | "sensors";
                /** @description Newest released slot behind them */
                slotStart: number | null;
                /** @description Feeders with a released total */
                feeders: number;
                /** @description What released loads are multiplied by */
                factor: number;
                stale: boolean;
            };
            totals: {
                inputMw: number;
                deliveredMw: number;
                /** @description deliveredMw / inputMw, 0 to 1 */
                efficiency: number;
                losses: components["schemas"]["GridLossesInput"];
                /** @description What buses without supply would take now */
                lackingMw: number;
                /** @description Sum over buses and branches: 1 for each that is at its limit */
                risk: number;
                leastVoltagePu: number;
                mostVoltagePu: number;
                mostLoadingPercent: number;
                hottestC: number;
            };
            buses: {
                /** @description 0 without supply */
                vmPu: number[];
                vaDeg: number[];
                loadMw: number[];
                loadMvar: number[];
                generationMw: number[];
                risk: number[];
            };
            branches: {
                closed: number[];
                /** @description Into the branch at `from`; below 0 it flows towards `from` */
                fromMw: number[];
                fromMvar: number[];
                toMw: number[];
                /** @description In p.u. where the case names no base voltage */
                currentA: number[];
                loadingPercent: number[];
                temperatureC: number[];
                risk: number[];
            };
            /** @description Buses without supply */
            cutOff: number[];
            /** @description Branches that opened and left buses without supply, until they close: no proposal closes them */
            faulted: number[];
            /** @description Samples that are not believed */
            bad: string[];
            /** @description The newest proposal; null before the first, or where there is none */
            switching: components["schemas"]["GridSwitchingInput"] | null;
            findings: components["schemas"]["GridFindingInput"][];
            findingsLeftOut: number;
        };
        GridTopologyInput: {
            case: string;
            digest: string;
            baseMva: number;
            /** @description Its switches can be optimised */
            radial: boolean;
            assumedRatings: boolean;
            buses: {
                id: number;
                /** @enum {string} */
                kind: "slack" | "pv" | "pq" | "isolated";
                baseKv: number;
                x: number;
                y: number;
                vMinPu: number;
                vMaxPu: number;
                /** @description Of the case */
                loadMw: number;
                generator: boolean;
                /** @description Feeders that it has a share of */
                feeders: string[];
            }[];
            branches: {
                id: number;
                /** @enum {string} */
                kind: "line" | "transformer";
                from: number;
                to: number;
                rPu: number;
                xPu: number;
                rateMva: number;
                normallyClosed: boolean;
            }[];
            feeders: {
                feeder: string;
                /** @description Weights sum up to 1 */
                shares: {
                    bus: number;
                    weight: number;
                }[];
            }[];
        };
        SwitchingFiguresInput: {
            cost: number;
            lossKw: number;
            risk: number;
            violation: number;
            leastVoltagePu: number;
        };
        OptimisedInput: {
            /** @description Of the state it was computed for */
            time: number;
            simulated: boolean;
            /** @enum {string} */
            method: "policy" | "exact" | "exchange" | "random";
            /** @description Branches to be open */
            open: number[];
            /** @description Of these, those that are closed now */
            toOpen: number[];
            /** @description Branches that are open now and are to be closed */
            toClose: number[];
            /** @description Those of the request, and those that the state has as faulted */
            broken: number[];
            /** @description Buses that only broken branches feed */
            cutOff: number[];
            /** @description Load of the buses that are cut off; each of these loads counts 1 to the violation, so that it has its price */
            unservedMw: number;
            /** @description Buses without supply as the switches are */
            cutOffBefore: number[];
            /** @description Their load */
            unservedBeforeMw: number;
            /** @description The switches as they are, without the broken ones: nothing is closed in their place */
            before: components["schemas"]["SwitchingFiguresInput"];
            after: components["schemas"]["SwitchingFiguresInput"];
            reference: {
                /** @enum {string} */
                kind: "certified" | "best known";
                cost: number;
                gapPercent: number | null;
                flows: number;
            };
            /** @description Power flows that the method spent */
            flows: number;
            milliseconds: number;
        };
        GridPathsInput: {
            /** @description Of the state they were computed for */
            time: number;
            simulated: boolean;
            /** @enum {string} */
            method: "policy" | "exact" | "shortest" | "random";
            paths: {
                bus: number;
                loadMw: number;
                loadMvar: number;
                /** @description Bus where the path begins */
                generator: number;
                /** @description From the generator to the load */
                buses: number[];
                branches: number[];
                /** @description Its part of the losses of its path: those of each line are divided by load */
                lossKw: number;
                /** @description In which order buses were supplied, from 1 on */
                step: number;
                /** @description Where its power comes from, by proportional sharing */
                shares: {
                    generator: number;
                    share: number;
                }[];
                voltagePu: number;
            }[];
            /** @description Lines that no path uses */
            open: number[];
            broken: number[];
            cutOff: number[];
            /** @description Load of the buses that are cut off; each of these loads counts 1 to the violation, so that it has its price */
            unservedMw: number;
            lossKw: number;
            /** @description Between generators: in no load's path */
            trunkLossKw: number;
            risk: number;
            violation: number;
            cost: number;
            leastVoltagePu: number;
            flows: number;
            milliseconds: number;
            generators: {
                bus: number;
                mw: number;
                mvar: number;
            }[];
            reference: {
                /** @enum {string} */
                kind: "certified" | "best known";
                cost: number;
                gapPercent: number;
                flows: number;
            };
        };
        GridNodeInput: {
            id: number;
            time: number;
            simulated: boolean;
            stale: boolean;
            supplied: boolean;
            vmPu: number;
            vaDeg: number;
            vMinPu: number;
            vMaxPu: number;
            loadMw: number;
            loadMvar: number;
            generationMw: number;
            risk: number;
            feeders: string[];
            branches: {
                id: number;
                /** @description The bus at its other end */
                other: number;
                closed: boolean;
                /** @description Out of the bus into the branch */
                mw: number;
                loadingPercent: number;
                temperatureC: number;
            }[];
            findings: components["schemas"]["GridFindingInput"][];
            /** @description The last scans since analytics was started, the oldest first */
            recent: {
                time: number;
                vmPu: number;
                loadMw: number;
                generationMw: number;
            }[];
        };
        GridHistoryRowInput: {
            id: number;
            time: number;
            /** @enum {string} */
            status: "trusted" | "suspect" | "unobservable" | "failed";
            simulated: boolean;
            inputMw: number;
            deliveredMw: number;
            efficiency: number;
            transmissionLinesMw: number;
            transmissionTransformersMw: number;
            distributionLinesMw: number;
            distributionTransformersMw: number;
            shuntsMw: number;
            /** @description The sum of the above: what physics takes */
            technicalMw: number;
            risk: number;
            leastVoltagePu: number;
            mostLoadingPercent: number;
            findings: number;
            /** @description Losses of the newest proposal for the switches */
            bestKw: number | null;
            /** @description Cost of its reference: the certified optimum, or the best known */
            optimumKw: number | null;
            gapPercent: number | null;
        };
        GridStatisticsInput: {
            from: number | null;
            to: number | null;
            scans: number;
            byStatus: {
                [key: string]: number;
            };
            simulated: boolean;
            technicalMw: {
                least: number;
                mean: number;
                most: number;
            } | null;
            efficiency: {
                least: number;
                mean: number;
                most: number;
            } | null;
            leastVoltagePu: {
                least: number;
                mean: number;
                most: number;
            } | null;
            mostLoadingPercent: {
                least: number;
                mean: number;
                most: number;
            } | null;
            gapPercent: {
                least: number;
                mean: number;
                most: number;
            } | null;
            /** @description Technical losses over the scans, each until the next */
            lostMwh: number;
            deliveredMwh: number;
            /** @description Of the time from the first scan to the last, what these sums cover: nobody knows what a pause of over an hour held */
            coveredSeconds: number;
            sinceStart: {
                scans: number;
                /** @description From samples to state */
                scanMilliseconds: {
                    least: number;
                    mean: number;
                    most: number;
                } | null;
                /** @description Answered, by kind */
                requests: {
                    [key: string]: number;
                };
                /** @description By code */
                refused: {
                    [key: string]: number;
                };
            };
        };
        FeederForecastInput: {
            feeder: string;
            date: string;
            /**
             * @description `linear`: trained on its released loads; `days-before`: quantiles of the same slot; `none`: too few days
             * @enum {string}
             */
            method: "linear" | "days-before" | "none";
            trainedDays: number;
            quantiles: number[];
            slots: {
                slotStart: number;
                /** @description The median; null where it cannot be forecast */
                energyWh: number | null;
                quantilesWh: number[];
                /** @description Mean of the same slot over 14 days */
                baselineWh: number | null;
                actualWh: number | null;
            }[];
            /** @description Over slots whose load is known */
            maeWh: number | null;
            baselineMaeWh: number | null;
            /** @description Share of known slots between the outermost quantiles */
            insideShare: number | null;
        };
        GridForecastInput: {
            items: components["schemas"]["FeederForecastInput"][];
        };
        GridMaintenanceInput: {
            /** @description Histories are simulated */
            simulated: boolean;
            weeks: number;
            hoursPerWeek: number;
            /** @description Over which costs are expected */
            horizonYears: number;
            assets: {
                asset: string;
                /** @description Which branch it is */
                branch: number | null;
                /** @description At which bus it stands, of transformers that feed a load */
                bus: number | null;
                /** @enum {string} */
                kind: "transformer" | "line";
                simulated: boolean;
                ageYears: number;
                /** @description To fail within 26 weeks, if nothing is done */
                chance: number;
                /** @description The same after what is planned */
                chanceAfter: number;
                remainingYears: {
                    /** @description Years; null beyond 60 */
                    tenth: number | null;
                    /** @description Years; null beyond 60 */
                    median: number | null;
                    /** @description Years; null beyond 60 */
                    nineTenths: number | null;
                };
                efficiency: {
                    now: number;
                    perYear: number;
                    /** @description After what is planned */
                    after: number;
                };
                action: ("service" | "replacement") | null;
                /** @description From 1 on */
                week: number | null;
                crewHours: number;
                /** @description EUR, expected */
                saves: number;
            }[];
            /** @description Assets with too short a history */
            unjudged: string[];
            before: {
                /** @description EUR expected over the horizon */
                cost: number;
                /** @description Failures expected in the next 26 weeks */
                failures: number;
            };
            after: {
                /** @description EUR expected over the horizon */
                cost: number;
                /** @description Failures expected in the next 26 weeks */
                failures: number;
            };
            /** @description How far the plan's cost may be above the least, as a share */
            gap: number;
            optimal: boolean;
            /** @description Crew hours of each week */
            hours: number[];
        };
        GridRenewablesInput: {
            /** @description The weather is made up */
            simulated: boolean;
            date: string;
            /**
             * @description `released`: loads of the newest day that feeders tell of; `usual-day`: of the case, where they do not
             * @enum {string}
             */
            loads: "released" | "usual-day";
            slots: {
                slotStart: number;
                loadMw: number;
                pvMw: number;
                windMw: number;
                /** @description What is left for the supply; below 0 it is fed back */
                gridMw: number;
            }[];
            mix: {
                pvShare: number;
                windShare: number;
                gridShare: number;
            };
            hosting: {
                bus: number;
                mw: number;
                limitedBy: string;
            }[];
        };
        /** @enum {string} */
        RoleInput: "customer" | "operator" | "auditor" | "admin";
        AccountInput: {
            name: string;
            role: components["schemas"]["RoleInput"];
            meters: string[];
            disabled: boolean;
            /** @description Unix seconds, UTC */
            createdAt: number;
        };
        AuditEntryInput: {
            id: number;
            /** @description Unix seconds, UTC */
            at: number;
            account: string | null;
            address: string;
            action: string;
            /** @enum {string} */
            outcome: "done" | "refused";
            detail: string;
        };
        /** @enum {string} */
        AlertStateInput: "pending" | "firing" | "acknowledged" | "silenced" | "resolved";
        /** @enum {string} */
        AlertSignalInput: "branch-loading" | "branch-temperature" | "bus-voltage" | "lacking-power" | "grid-risk" | "technical-losses" | "theft" | "bad-data" | "dead-sensor" | "lost-samples" | "unobservable" | "suspect-state" | "no-state" | "grid-age" | "load-age" | "missing-meters" | "balance-residual" | "balance-detections" | "aggregator-lies" | "failed-rounds" | "privacy-share" | "privacy-spent" | "broker-away" | "notices";
        AlertInput: {
            /** Format: uuid */
            id: string;
            rule: string;
            severity: components["schemas"]["AlertSeverityInput"];
            signal: components["schemas"]["AlertSignalInput"];
            /** @description `branch:12`, `bus:5`, `feeder:f-1`, `sensor:current:12`, `grid` */
            element: string;
            state: components["schemas"]["AlertStateInput"];
            text: string;
            value: number;
            /** @description Furthest beyond the limit */
            worst: number;
            unit: string;
            /** @description Its rule's limit; null where it has the other, or the rule is gone */
            above: number | null;
            below: number | null;
            /** @description Anyone is told on `wv/1/pub/alert/<rule>` */
            public: boolean;
            /** @description Unix seconds of what is measured; simulated time in a simulation */
            since: number;
            /** @description When it was back; null while it lasts */
            until: number | null;
            /** @description Unix seconds, UTC */
            beganAt: number;
            firedAt: number | null;
            acknowledgedAt: number | null;
            acknowledgedBy: string | null;
            silencedUntil: number | null;
            silencedBy: string | null;
            resolvedAt: number | null;
        };
        AlertChangeInput: {
            /** @description Unix seconds, UTC */
            at: number;
            /** @enum {string} */
            change: "fired" | "acknowledged" | "silenced" | "unsilenced" | "resolved";
            account: string | null;
            comment: string;
        };
        AlertWithHistoryInput: {
            /** Format: uuid */
            id: string;
            rule: string;
            severity: components["schemas"]["AlertSeverityInput"];
            signal: components["schemas"]["AlertSignalInput"];
            /** @description `branch:12`, `bus:5`, `feeder:f-1`, `sensor:current:12`, `grid` */
            element: string;
            state: components["schemas"]["AlertStateInput"];
            text: string;
            value: number;
            /** @description Furthest beyond the limit */
            worst: number;
            unit: string;
            /** @description Its rule's limit; null where it has the other, or the rule is gone */
            above: number | null;
            below: number | null;
            /** @description Anyone is told on `wv/1/pub/alert/<rule>` */
            public: boolean;
            /** @description Unix seconds of what is measured; simulated time in a simulation */
            since: number;
            /** @description When it was back; null while it lasts */
            until: number | null;
            /** @description Unix seconds, UTC */
            beganAt: number;
            firedAt: number | null;
            acknowledgedAt: number | null;
            acknowledgedBy: string | null;
            silencedUntil: number | null;
            silencedBy: string | null;
            resolvedAt: number | null;
            history: components["schemas"]["AlertChangeInput"][];
        };
        AlertRuleInForceInput: {
            name: string;
            severity: components["schemas"]["AlertSeverityInput"];
            signal: components["schemas"]["AlertSignalInput"];
            unit: string;
            about: string;
            above: number | null;
            below: number | null;
            /** @description Where it is over; null: at the limit */
            clear: number | null;
            forSeconds: number;
            elements: string[];
            text: string;
            public: boolean;
        };
        BillHeadInput: {
            meter: string;
            periodStart: string;
            /** @description The day after the last */
            periodEnd: string;
            version: number;
            /** @description `final`, `superseded`, or why there is no sum */
            status: string;
            energyWh: number | null;
            exportWh: number | null;
            amountMicro: number | null;
            currency: string;
            /** @description How many wrong answers of aggregators the check would have found */
            spareAnswers: number | null;
            rangeProof: ("proved" | "unproved") | null;
            gapSlots: number;
            tariff: string;
            /** @description Unix seconds, UTC */
            issuedAt: number;
        };
        BillInput: {
            meter: string;
            periodStart: string;
            periodEnd: string;
            version: number;
            status: string;
            energyWh: number | null;
            amountMicro: number | null;
            currency: string;
            spareAnswers: number | null;
            rangeProof: ("proved" | "unproved") | null;
            gapSlots: number;
            tariff: string;
            rows: {
                band: string;
                /** @description Wh */
                energyWh: number;
                /** @description Millionths of the currency */
                amountMicro: number;
            }[];
            gaps: {
                kind: string;
                /** @description Unix seconds, UTC */
                from: number;
                /** @description Unix seconds, UTC */
                to: number;
                reason: string;
                /** @description The later bill that the energy entered */
                billedPeriodStart: string | null;
            }[];
        };
        FeederInput: {
            feeder: string;
            /** @description Loads were asked for up to here */
            loadTo: number;
            /** @description Unix seconds, UTC */
            billedTo: number;
            /** @description The newest released slot */
            lastSlot: number | null;
            lastEnergyWh: number | null;
            lastMeters: number | null;
        };
        FeederLoadInput: {
            feeder: string;
            /** @description Unix seconds, UTC */
            slotStart: number;
            slotSeconds: number;
            /** @description Wh of import; null where it was not released */
            energyWh: number | null;
            exportWh: number | null;
            /** @description Mean import, W */
            powerW: number | null;
            meters: number;
            /** @description `final`, or why there is none */
            status: string;
            spareAnswers: number | null;
            /**
             * @description No noise: outside of every privacy account
             * @constant
             */
            privacy: "exact";
        };
        FeederBalanceInput: {
            feeder: string;
            /** @description Unix seconds, UTC */
            slotStart: number;
            /** @description Wh in at the head less what flows on to the meters */
            balanceWh: number | null;
            /** @description The technical loss by the books, Wh */
            lossWh: number | null;
            /** @description What neither meters nor books explain, Wh */
            residualWh: number | null;
            status: string;
            spareAnswers: number | null;
        };
        GridRiskInput: {
            /** @description `bus:5`, `branch:12` */
            element: string;
            /** @description 1 at a limit, 0 well within */
            risk: number;
            /** @description Of a bus */
            vmPu: number | null;
            /** @description Of a branch */
            loadingPercent: number | null;
            /** @description Of a branch */
            temperatureC: number | null;
        };
        LogEntryInput: {
            index: number;
            type: string;
            /** @description Unix seconds, UTC */
            time: number;
            /** @description JSON of what the entry says; bytes in hex */
            content: string;
            /** @description What is hashed, in base64 */
            bytes: string;
        };
        AnalyticsResultInput: {
            job: string;
            circuit: string;
            feeders: string[];
            series: string[];
            /** @description Unix seconds, UTC */
            windowStart: number;
            /** @description Unix seconds, UTC */
            windowEnd: number;
            slots: number;
            /** @description Meters with a ciphertext in the job */
            meters: number;
            unit: string;
            /** @description Largest error that the analysis allows for, in `unit` */
            errorBound: number | null;
            /** @description Aggregators that opened it together */
            openedBy: number[];
            /** @description `final`, or why nothing came out */
            status: string;
            reason: string;
            /** @description Unix seconds, UTC */
            openedAt: number;
        };
        CrossCheckInput: {
            job: string;
            feeders: string[];
            /** @description Unix seconds, UTC */
            windowStart: number;
            /** @description Unix seconds, UTC */
            windowEnd: number;
            slotsCompared: number;
            slotsDiffering: number;
            /** @description null while no load is released */
            agree: boolean | null;
            largestDifference: number | null;
            bound: number | null;
            unit: string;
            /** @description `agree`, `waiting`, or which path is wrong */
            status: string;
            reason: string;
        };
        ModelRoundInput: {
            round: string;
            campaign: string;
            step: number;
            /** @description `train`, `histogram` or `load` */
            task: string;
            /** @description Unix seconds, UTC */
            closesAt: number;
            minMeters: number;
            /** @description `announced`, `asked`, `final`, or why there is no sum */
            status: string;
            reason: string;
            /** @description Homes in the sum */
            meters: number | null;
            spareAnswers: number | null;
            settledAt: number | null;
        };
        RoundInput: {
            id: string;
            /** @description `load`, `bill`, `balance` or `vector` */
            purpose: string;
            feeder: string;
            /** @description What the round is about begins here */
            from: number;
            /** @description Unix seconds, UTC */
            to: number;
            state: string;
            /** @description `open`, `waiting`, `final`, or the code of why it failed */
            status: string;
            reason: string;
            /** @description Sets that were proposed */
            sets: number;
            /** @description Unix seconds, UTC */
            openedAt: number;
            untestedMeters: number | null;
            provedMeters: number | null;
            unprovedMeters: number | null;
        };
        DetectionInput: {
            round: string;
            aggregator: number;
            code: string;
            /** @enum {string} */
            verdict: "liar" | "disputed";
            detail: string;
            /** @description Unix seconds, UTC */
            detectedAt: number;
        };
        MeInput: {
            name: string;
            role: components["schemas"]["RoleInput"];
            /** @description A customer's meters */
            meters: string[];
        };
        ShowcaseInput: {
            /**
             * @description There is none of a real household
             * @constant
             */
            simulated: true;
            /** @description Where its readings come from: made up. Those of a file may be somebody's, and are shown to nobody */
            feed: {
                /** @constant */
                kind: "generated";
            };
            meter: string;
            feeder: string;
            /** @description Of the first reading, Unix seconds */
            slotStart: number;
            slotSeconds: number;
            threshold: number;
            /** @description What the household alone knows */
            readingsWh: number[];
            parts: {
                aggregator: string;
                /** @description What this aggregator alone knows, one for each reading */
                shares: string[];
                topic: string;
                /** @description Of the sealed message, which the broker passes on */
                bytes: number;
                /** @description Its first bytes, in hex: what says how it is sealed, and for whom */
                prefix: string;
                /** @description Its last bytes, in hex: of what is sealed */
                sealed: string;
            }[];
        };
        TokenInput: {
            id: string;
            label: string;
            /** @description Unix seconds, UTC */
            createdAt: number;
            /** @description Unix seconds, UTC */
            expiresAt: number;
            lastUsed: number | null;
        };
        LearningTradeoffInput: {
            /** @description Readings are simulated */
            simulated: boolean;
            /** @description A run that shows every part; not to be quoted */
            quick: boolean;
            homes: number;
            rounds: number;
            /** @description Trained where all readings are */
            references: {
                median: {
                    homes: {
                        maeWh: number;
                        /** @description Of the best simple method, without learning */
                        bestWh: number;
                    };
                };
            };
            points: {
                sweep: string;
                series: string;
                at: string;
                /** @description null: without noise */
                epsilon: number | null;
                /** @description Mean absolute error of a home and slot, Wh */
                homesWh: {
                    mean: number;
                    low: number;
                    high: number;
                    seeds: number;
                };
                convergence: {
                    round: number;
                    maeWh: {
                        mean: number;
                        low: number;
                        high: number;
                        seeds: number;
                    };
                }[];
            }[];
        };
        HealthInput: {
            /** @enum {string} */
            status: "ok" | "degraded";
            /** @description Unix seconds, UTC */
            time: number;
            parts: {
                /** @enum {string} */
                database: "ok" | "away";
                /** @enum {string} */
                broker: "ok" | "away";
            };
        };
        SystemInput: {
            aggregators: number;
            /** @description Aggregators that it takes to open anything */
            threshold: number;
            /** @description Aggregators that must have endorsed a set before any of them answers */
            quorum: number;
            slotSeconds: number;
            /** @description Of tariffs and billing days */
            timezone: string;
            currency: string;
            /** @description Meters and time are simulated: no figure is of a real household */
            simulated: boolean;
            /** @description Epsilon that one household may spend in all */
            epsilonBudget: number;
        };
        Problem: {
            /** @constant */
            type: "about:blank";
            title: string;
            status: number;
            code: string;
            detail: string;
            /** @description What is wrong with which part of the request. */
            errors?: {
                field: string;
                message: string;
            }[];
        };
        /** @enum {string} */
        AlertSeverity: "info" | "warning" | "critical";
        AlertRule: {
            name: string;
            severity: components["schemas"]["AlertSeverity"];
            /** @enum {string} */
            signal: "branch-loading" | "branch-temperature" | "bus-voltage" | "lacking-power" | "grid-risk" | "technical-losses" | "theft" | "bad-data" | "dead-sensor" | "lost-samples" | "unobservable" | "suspect-state" | "no-state" | "grid-age" | "load-age" | "missing-meters" | "balance-residual" | "balance-detections" | "aggregator-lies" | "failed-rounds" | "privacy-share" | "privacy-spent" | "broker-away" | "notices";
            /** @description Fires when the value is above it */
            above?: number;
            /** @description Fires when the value is below it */
            below?: number;
            /** @description Over when the value is back here; default: the limit */
            clear?: number;
            /**
             * @description Seconds that it must last before it fires
             * @default 0
             */
            for: number;
            /**
             * @description Patterns with `*`: one of them must match the element
             * @default [
             *       "*"
             *     ]
             */
            elements: string[];
            /** @description With {element}, {value}, {unit}, {limit} and {detail} */
            text: string;
            /**
             * @description False keeps an alert about something public to the staff
             * @default true
             */
            publish: boolean;
        };
        GridFinding: {
            /** @enum {string} */
            kind: "overload" | "overheating" | "undervoltage" | "overvoltage" | "no-supply" | "theft" | "bad-data" | "dead-sensor" | "lost-samples" | "unobservable" | "suspect-state" | "no-state" | "stale";
            element: string;
            /** @description Unix seconds of the first scan of those in a row that show it */
            since: number;
            /** @description How many in a row show it */
            scans: number;
            value: number;
            limit: number;
            unit: string;
        };
        GridLosses: {
            transmissionLinesMw: number;
            transmissionTransformersMw: number;
            distributionLinesMw: number;
            distributionTransformersMw: number;
            shuntsMw: number;
            /** @description The sum of the above: what physics takes */
            technicalMw: number;
        };
        GridSwitching: {
            /** @description Of the state that it was computed for, Unix seconds */
            time: number;
            /** @enum {string} */
            method: "policy" | "exact" | "exchange" | "random";
            /** @description Branches that it opens */
            open: number[];
            lossKw: number;
            /** @description lossKw + riskWeight x risk + violationWeight x violation */
            cost: number;
            /** @description The same of the switches as they are */
            presentCost: number;
            presentLossKw: number;
            /** @description Load that it leaves without supply */
            unservedMw: number;
            /** @description Load without supply as the switches are */
            presentUnservedMw: number;
            /**
             * @description `certified`: all trees were tried
             * @enum {string}
             */
            reference: "certified" | "best known";
            referenceCost: number;
            /** @description Of cost above referenceCost */
            gapPercent: number | null;
        };
        GridState: {
            case: string;
            /** @description Digest of the topology whose order the columns have */
            topology: string;
            /** @description Counts scans since analytics was started */
            sequence: number;
            /** @description Of the samples, Unix seconds; simulated time in a simulation */
            time: number;
            /** @description Unix seconds of the wall clock */
            publishedAt: number;
            /** @enum {string} */
            source: "simulated" | "csv" | "mqtt";
            /** @description Some sample was simulated */
            simulated: boolean;
            /** @description Scans have stopped: this is an old state */
            stale: boolean;
            /** @description The case names no ratings for some branches; what is shown is assumed */
            assumedRatings: boolean;
            /** @enum {string} */
            status: "trusted" | "suspect" | "unobservable" | "failed";
            loads: {
                /**
                 * @description `feeders`: released totals of private rounds
                 * @enum {string}
                 */
                source: "feeders" | "case" | "sensors";
                /** @description Newest released slot behind them */
                slotStart: number | null;
                /** @description Feeders with a released total */
                feeders: number;
                /** @description What released loads are multiplied by */
                factor: number;
                stale: boolean;
            };
            totals: {
                inputMw: number;
                deliveredMw: number;
                /** @description deliveredMw / inputMw, 0 to 1 */
                efficiency: number;
                losses: components["schemas"]["GridLosses"];
                /** @description What buses without supply would take now */
                lackingMw: number;
                /** @description Sum over buses and branches: 1 for each that is at its limit */
                risk: number;
                leastVoltagePu: number;
                mostVoltagePu: number;
                mostLoadingPercent: number;
                hottestC: number;
            };
            buses: {
                /** @description 0 without supply */
                vmPu: number[];
                vaDeg: number[];
                loadMw: number[];
                loadMvar: number[];
                generationMw: number[];
                risk: number[];
            };
            branches: {
                closed: number[];
                /** @description Into the branch at `from`; below 0 it flows towards `from` */
                fromMw: number[];
                fromMvar: number[];
                toMw: number[];
                /** @description In p.u. where the case names no base voltage */
                currentA: number[];
                loadingPercent: number[];
                temperatureC: number[];
                risk: number[];
            };
            /** @description Buses without supply */
            cutOff: number[];
            /** @description Branches that opened and left buses without supply, until they close: no proposal closes them */
            faulted: number[];
            /** @description Samples that are not believed */
            bad: string[];
            /** @description The newest proposal; null before the first, or where there is none */
            switching: components["schemas"]["GridSwitching"] | null;
            findings: components["schemas"]["GridFinding"][];
            findingsLeftOut: number;
        };
        GridTopology: {
            case: string;
            digest: string;
            baseMva: number;
            /** @description Its switches can be optimised */
            radial: boolean;
            assumedRatings: boolean;
            buses: {
                id: number;
                /** @enum {string} */
                kind: "slack" | "pv" | "pq" | "isolated";
                baseKv: number;
                x: number;
                y: number;
                vMinPu: number;
                vMaxPu: number;
                /** @description Of the case */
                loadMw: number;
                generator: boolean;
                /** @description Feeders that it has a share of */
                feeders: string[];
            }[];
            branches: {
                id: number;
                /** @enum {string} */
                kind: "line" | "transformer";
                from: number;
                to: number;
                rPu: number;
                xPu: number;
                rateMva: number;
                normallyClosed: boolean;
            }[];
            feeders: {
                feeder: string;
                /** @description Weights sum up to 1 */
                shares: {
                    bus: number;
                    weight: number;
                }[];
            }[];
        };
        SwitchingFigures: {
            cost: number;
            lossKw: number;
            risk: number;
            violation: number;
            leastVoltagePu: number;
        };
        Optimised: {
            /** @description Of the state it was computed for */
            time: number;
            simulated: boolean;
            /** @enum {string} */
            method: "policy" | "exact" | "exchange" | "random";
            /** @description Branches to be open */
            open: number[];
            /** @description Of these, those that are closed now */
            toOpen: number[];
            /** @description Branches that are open now and are to be closed */
            toClose: number[];
            /** @description Those of the request, and those that the state has as faulted */
            broken: number[];
            /** @description Buses that only broken branches feed */
            cutOff: number[];
            /** @description Load of the buses that are cut off; each of these loads counts 1 to the violation, so that it has its price */
            unservedMw: number;
            /** @description Buses without supply as the switches are */
            cutOffBefore: number[];
            /** @description Their load */
            unservedBeforeMw: number;
            /** @description The switches as they are, without the broken ones: nothing is closed in their place */
            before: components["schemas"]["SwitchingFigures"];
            after: components["schemas"]["SwitchingFigures"];
            reference: {
                /** @enum {string} */
                kind: "certified" | "best known";
                cost: number;
                gapPercent: number | null;
                flows: number;
            };
            /** @description Power flows that the method spent */
            flows: number;
            milliseconds: number;
        };
        GridPaths: {
            /** @description Of the state they were computed for */
            time: number;
            simulated: boolean;
            /** @enum {string} */
            method: "policy" | "exact" | "shortest" | "random";
            paths: {
                bus: number;
                loadMw: number;
                loadMvar: number;
                /** @description Bus where the path begins */
                generator: number;
                /** @description From the generator to the load */
                buses: number[];
                branches: number[];
                /** @description Its part of the losses of its path: those of each line are divided by load */
                lossKw: number;
                /** @description In which order buses were supplied, from 1 on */
                step: number;
                /** @description Where its power comes from, by proportional sharing */
                shares: {
                    generator: number;
                    share: number;
                }[];
                voltagePu: number;
            }[];
            /** @description Lines that no path uses */
            open: number[];
            broken: number[];
            cutOff: number[];
            /** @description Load of the buses that are cut off; each of these loads counts 1 to the violation, so that it has its price */
            unservedMw: number;
            lossKw: number;
            /** @description Between generators: in no load's path */
            trunkLossKw: number;
            risk: number;
            violation: number;
            cost: number;
            leastVoltagePu: number;
            flows: number;
            milliseconds: number;
            generators: {
                bus: number;
                mw: number;
                mvar: number;
            }[];
            reference: {
                /** @enum {string} */
                kind: "certified" | "best known";
                cost: number;
                gapPercent: number;
                flows: number;
            };
        };
        GridNode: {
            id: number;
            time: number;
            simulated: boolean;
            stale: boolean;
            supplied: boolean;
            vmPu: number;
            vaDeg: number;
            vMinPu: number;
            vMaxPu: number;
            loadMw: number;
            loadMvar: number;
            generationMw: number;
            risk: number;
            feeders: string[];
            branches: {
                id: number;
                /** @description The bus at its other end */
                other: number;
                closed: boolean;
                /** @description Out of the bus into the branch */
                mw: number;
                loadingPercent: number;
                temperatureC: number;
            }[];
            findings: components["schemas"]["GridFinding"][];
            /** @description The last scans since analytics was started, the oldest first */
            recent: {
                time: number;
                vmPu: number;
                loadMw: number;
                generationMw: number;
            }[];
        };
        GridHistoryRow: {
            id: number;
            time: number;
            /** @enum {string} */
            status: "trusted" | "suspect" | "unobservable" | "failed";
            simulated: boolean;
            inputMw: number;
            deliveredMw: number;
            efficiency: number;
            transmissionLinesMw: number;
            transmissionTransformersMw: number;
            distributionLinesMw: number;
            distributionTransformersMw: number;
            shuntsMw: number;
            /** @description The sum of the above: what physics takes */
            technicalMw: number;
            risk: number;
            leastVoltagePu: number;
            mostLoadingPercent: number;
            findings: number;
            /** @description Losses of the newest proposal for the switches */
            bestKw: number | null;
            /** @description Cost of its reference: the certified optimum, or the best known */
            optimumKw: number | null;
            gapPercent: number | null;
        };
        GridStatistics: {
            from: number | null;
            to: number | null;
            scans: number;
            byStatus: {
                [key: string]: number;
            };
            simulated: boolean;
            technicalMw: {
                least: number;
                mean: number;
                most: number;
            } | null;
            efficiency: {
                least: number;
                mean: number;
                most: number;
            } | null;
            leastVoltagePu: {
                least: number;
                mean: number;
                most: number;
            } | null;
            mostLoadingPercent: {
                least: number;
                mean: number;
                most: number;
            } | null;
            gapPercent: {
                least: number;
                mean: number;
                most: number;
            } | null;
            /** @description Technical losses over the scans, each until the next */
            lostMwh: number;
            deliveredMwh: number;
            /** @description Of the time from the first scan to the last, what these sums cover: nobody knows what a pause of over an hour held */
            coveredSeconds: number;
            sinceStart: {
                scans: number;
                /** @description From samples to state */
                scanMilliseconds: {
                    least: number;
                    mean: number;
                    most: number;
                } | null;
                /** @description Answered, by kind */
                requests: {
                    [key: string]: number;
                };
                /** @description By code */
                refused: {
                    [key: string]: number;
                };
            };
        };
        FeederForecast: {
            feeder: string;
            date: string;
            /**
             * @description `linear`: trained on its released loads; `days-before`: quantiles of the same slot; `none`: too few days
             * @enum {string}
             */
            method: "linear" | "days-before" | "none";
            trainedDays: number;
            quantiles: number[];
            slots: {
                slotStart: number;
                /** @description The median; null where it cannot be forecast */
                energyWh: number | null;
                quantilesWh: number[];
                /** @description Mean of the same slot over 14 days */
                baselineWh: number | null;
                actualWh: number | null;
            }[];
            /** @description Over slots whose load is known */
            maeWh: number | null;
            baselineMaeWh: number | null;
            /** @description Share of known slots between the outermost quantiles */
            insideShare: number | null;
        };
        GridForecast: {
            items: components["schemas"]["FeederForecast"][];
        };
        GridMaintenance: {
            /** @description Histories are simulated */
            simulated: boolean;
            weeks: number;
            hoursPerWeek: number;
            /** @description Over which costs are expected */
            horizonYears: number;
            assets: {
                asset: string;
                /** @description Which branch it is */
                branch: number | null;
                /** @description At which bus it stands, of transformers that feed a load */
                bus: number | null;
                /** @enum {string} */
                kind: "transformer" | "line";
                simulated: boolean;
                ageYears: number;
                /** @description To fail within 26 weeks, if nothing is done */
                chance: number;
                /** @description The same after what is planned */
                chanceAfter: number;
                remainingYears: {
                    /** @description Years; null beyond 60 */
                    tenth: number | null;
                    /** @description Years; null beyond 60 */
                    median: number | null;
                    /** @description Years; null beyond 60 */
                    nineTenths: number | null;
                };
                efficiency: {
                    now: number;
                    perYear: number;
                    /** @description After what is planned */
                    after: number;
                };
                action: ("service" | "replacement") | null;
                /** @description From 1 on */
                week: number | null;
                crewHours: number;
                /** @description EUR, expected */
                saves: number;
            }[];
            /** @description Assets with too short a history */
            unjudged: string[];
            before: {
                /** @description EUR expected over the horizon */
                cost: number;
                /** @description Failures expected in the next 26 weeks */
                failures: number;
            };
            after: {
                /** @description EUR expected over the horizon */
                cost: number;
                /** @description Failures expected in the next 26 weeks */
                failures: number;
            };
            /** @description How far the plan's cost may be above the least, as a share */
            gap: number;
            optimal: boolean;
            /** @description Crew hours of each week */
            hours: number[];
        };
        GridRenewables: {
            /** @description The weather is made up */
            simulated: boolean;
            date: string;
            /**
             * @description `released`: loads of the newest day that feeders tell of; `usual-day`: of the case, where they do not
             * @enum {string}
             */
            loads: "released" | "usual-day";
            slots: {
                slotStart: number;
                loadMw: number;
                pvMw: number;
                windMw: number;
                /** @description What is left for the supply; below 0 it is fed back */
                gridMw: number;
            }[];
            mix: {
                pvShare: number;
                windShare: number;
                gridShare: number;
            };
            hosting: {
                bus: number;
                mw: number;
                limitedBy: string;
            }[];
        };
        /** @enum {string} */
        Role: "customer" | "operator" | "auditor" | "admin";
        Account: {
            name: string;
            role: components["schemas"]["Role"];
            meters: string[];
            disabled: boolean;
            /** @description Unix seconds, UTC */
            createdAt: number;
        };
        AuditEntry: {
            id: number;
            /** @description Unix seconds, UTC */
            at: number;
            account: string | null;
            address: string;
            action: string;
            /** @enum {string} */
            outcome: "done" | "refused";
            detail: string;
        };
        /** @enum {string} */
        AlertState: "pending" | "firing" | "acknowledged" | "silenced" | "resolved";
        /** @enum {string} */
        AlertSignal: "branch-loading" | "branch-temperature" | "bus-voltage" | "lacking-power" | "grid-risk" | "technical-losses" | "theft" | "bad-data" | "dead-sensor" | "lost-samples" | "unobservable" | "suspect-state" | "no-state" | "grid-age" | "load-age" | "missing-meters" | "balance-residual" | "balance-detections" | "aggregator-lies" | "failed-rounds" | "privacy-share" | "privacy-spent" | "broker-away" | "notices";
        Alert: {
            /** Format: uuid */
            id: string;
            rule: string;
            severity: components["schemas"]["AlertSeverity"];
            signal: components["schemas"]["AlertSignal"];
            /** @description `branch:12`, `bus:5`, `feeder:f-1`, `sensor:current:12`, `grid` */
            element: string;
            state: components["schemas"]["AlertState"];
            text: string;
            value: number;
            /** @description Furthest beyond the limit */
            worst: number;
            unit: string;
            /** @description Its rule's limit; null where it has the other, or the rule is gone */
            above: number | null;
            below: number | null;
            /** @description Anyone is told on `wv/1/pub/alert/<rule>` */
            public: boolean;
            /** @description Unix seconds of what is measured; simulated time in a simulation */
            since: number;
            /** @description When it was back; null while it lasts */
            until: number | null;
            /** @description Unix seconds, UTC */
            beganAt: number;
            firedAt: number | null;
            acknowledgedAt: number | null;
            acknowledgedBy: string | null;
            silencedUntil: number | null;
            silencedBy: string | null;
            resolvedAt: number | null;
        };
        AlertChange: {
            /** @description Unix seconds, UTC */
            at: number;
            /** @enum {string} */
            change: "fired" | "acknowledged" | "silenced" | "unsilenced" | "resolved";
            account: string | null;
            comment: string;
        };
        AlertWithHistory: {
            /** Format: uuid */
            id: string;
            rule: string;
            severity: components["schemas"]["AlertSeverity"];
            signal: components["schemas"]["AlertSignal"];
            /** @description `branch:12`, `bus:5`, `feeder:f-1`, `sensor:current:12`, `grid` */
            element: string;
            state: components["schemas"]["AlertState"];
            text: string;
            value: number;
            /** @description Furthest beyond the limit */
            worst: number;
            unit: string;
            /** @description Its rule's limit; null where it has the other, or the rule is gone */
            above: number | null;
            below: number | null;
            /** @description Anyone is told on `wv/1/pub/alert/<rule>` */
            public: boolean;
            /** @description Unix seconds of what is measured; simulated time in a simulation */
            since: number;
            /** @description When it was back; null while it lasts */
            until: number | null;
            /** @description Unix seconds, UTC */
            beganAt: number;
            firedAt: number | null;
            acknowledgedAt: number | null;
            acknowledgedBy: string | null;
            silencedUntil: number | null;
            silencedBy: string | null;
            resolvedAt: number | null;
            history: components["schemas"]["AlertChange"][];
        };
        AlertRuleInForce: {
            name: string;
            severity: components["schemas"]["AlertSeverity"];
            signal: components["schemas"]["AlertSignal"];
            unit: string;
            about: string;
            above: number | null;
            below: number | null;
            /** @description Where it is over; null: at the limit */
            clear: number | null;
            forSeconds: number;
            elements: string[];
            text: string;
            public: boolean;
        };
        BillHead: {
            meter: string;
            periodStart: string;
            /** @description The day after the last */
            periodEnd: string;
            version: number;
            /** @description `final`, `superseded`, or why there is no sum */
            status: string;
            energyWh: number | null;
            exportWh: number | null;
            amountMicro: number | null;
            currency: string;
            /** @description How many wrong answers of aggregators the check would have found */
            spareAnswers: number | null;
            rangeProof: ("proved" | "unproved") | null;
            gapSlots: number;
            tariff: string;
            /** @description Unix seconds, UTC */
            issuedAt: number;
        };
        Bill: {
            meter: string;
            periodStart: string;
            periodEnd: string;
            version: number;
            status: string;
            energyWh: number | null;
            amountMicro: number | null;
            currency: string;
            spareAnswers: number | null;
            rangeProof: ("proved" | "unproved") | null;
            gapSlots: number;
            tariff: string;
            rows: {
                band: string;
                /** @description Wh */
                energyWh: number;
                /** @description Millionths of the currency */
                amountMicro: number;
            }[];
            gaps: {
                kind: string;
                /** @description Unix seconds, UTC */
                from: number;
                /** @description Unix seconds, UTC */
                to: number;
                reason: string;
                /** @description The later bill that the energy entered */
                billedPeriodStart: string | null;
            }[];
        };
        Feeder: {
            feeder: string;
            /** @description Loads were asked for up to here */
            loadTo: number;
            /** @description Unix seconds, UTC */
            billedTo: number;
            /** @description The newest released slot */
            lastSlot: number | null;
            lastEnergyWh: number | null;
            lastMeters: number | null;
        };
        FeederLoad: {
            feeder: string;
            /** @description Unix seconds, UTC */
            slotStart: number;
            slotSeconds: number;
            /** @description Wh of import; null where it was not released */
            energyWh: number | null;
            exportWh: number | null;
            /** @description Mean import, W */
            powerW: number | null;
            meters: number;
            /** @description `final`, or why there is none */
            status: string;
            spareAnswers: number | null;
            /**
             * @description No noise: outside of every privacy account
             * @constant
             */
            privacy: "exact";
        };
        FeederBalance: {
            feeder: string;
            /** @description Unix seconds, UTC */
            slotStart: number;
            /** @description Wh in at the head less what flows on to the meters */
            balanceWh: number | null;
            /** @description The technical loss by the books, Wh */
            lossWh: number | null;
            /** @description What neither meters nor books explain, Wh */
            residualWh: number | null;
            status: string;
            spareAnswers: number | null;
        };
        GridRisk: {
            /** @description `bus:5`, `branch:12` */
            element: string;
            /** @description 1 at a limit, 0 well within */
            risk: number;
            /** @description Of a bus */
            vmPu: number | null;
            /** @description Of a branch */
            loadingPercent: number | null;
            /** @description Of a branch */
            temperatureC: number | null;
        };
        LogEntry: {
            index: number;
            type: string;
            /** @description Unix seconds, UTC */
            time: number;
            /** @description JSON of what the entry says; bytes in hex */
            content: string;
            /** @description What is hashed, in base64 */
            bytes: string;
        };
        AnalyticsResult: {
            job: string;
            circuit: string;
            feeders: string[];
            series: string[];
            /** @description Unix seconds, UTC */
            windowStart: number;
            /** @description Unix seconds, UTC */
            windowEnd: number;
            slots: number;
            /** @description Meters with a ciphertext in the job */
            meters: number;
            unit: string;
            /** @description Largest error that the analysis allows for, in `unit` */
            errorBound: number | null;
            /** @description Aggregators that opened it together */
            openedBy: number[];
            /** @description `final`, or why nothing came out */
            status: string;
            reason: string;
            /** @description Unix seconds, UTC */
            openedAt: number;
        };
        CrossCheck: {
            job: string;
            feeders: string[];
            /** @description Unix seconds, UTC */
            windowStart: number;
            /** @description Unix seconds, UTC */
            windowEnd: number;
            slotsCompared: number;
            slotsDiffering: number;
            /** @description null while no load is released */
            agree: boolean | null;
            largestDifference: number | null;
            bound: number | null;
            unit: string;
            /** @description `agree`, `waiting`, or which path is wrong */
            status: string;
            reason: string;
        };
        ModelRound: {
            round: string;
            campaign: string;
            step: number;
            /** @description `train`, `histogram` or `load` */
            task: string;
            /** @description Unix seconds, UTC */
            closesAt: number;
            minMeters: number;
            /** @description `announced`, `asked`, `final`, or why there is no sum */
            status: string;
            reason: string;
            /** @description Homes in the sum */
            meters: number | null;
            spareAnswers: number | null;
            settledAt: number | null;
        };
        Round: {
            id: string;
            /** @description `load`, `bill`, `balance` or `vector` */
            purpose: string;
            feeder: string;
            /** @description What the round is about begins here */
            from: number;
            /** @description Unix seconds, UTC */
            to: number;
            state: string;
            /** @description `open`, `waiting`, `final`, or the code of why it failed */
            status: string;
            reason: string;
            /** @description Sets that were proposed */
            sets: number;
            /** @description Unix seconds, UTC */
            openedAt: number;
            untestedMeters: number | null;
            provedMeters: number | null;
            unprovedMeters: number | null;
        };
        Detection: {
            round: string;
            aggregator: number;
            code: string;
            /** @enum {string} */
            verdict: "liar" | "disputed";
            detail: string;
            /** @description Unix seconds, UTC */
            detectedAt: number;
        };
        Me: {
            name: string;
            role: components["schemas"]["Role"];
            /** @description A customer's meters */
            meters: string[];
        };
        Showcase: {
            /**
             * @description There is none of a real household
             * @constant
             */
            simulated: true;
            /** @description Where its readings come from: made up. Those of a file may be somebody's, and are shown to nobody */
            feed: {
                /** @constant */
                kind: "generated";
            };
            meter: string;
            feeder: string;
            /** @description Of the first reading, Unix seconds */
            slotStart: number;
            slotSeconds: number;
            threshold: number;
            /** @description What the household alone knows */
            readingsWh: number[];
            parts: {
                aggregator: string;
                /** @description What this aggregator alone knows, one for each reading */
                shares: string[];
                topic: string;
                /** @description Of the sealed message, which the broker passes on */
                bytes: number;
                /** @description Its first bytes, in hex: what says how it is sealed, and for whom */
                prefix: string;
                /** @description Its last bytes, in hex: of what is sealed */
                sealed: string;
            }[];
        };
        Token: {
            id: string;
            label: string;
            /** @description Unix seconds, UTC */
            createdAt: number;
            /** @description Unix seconds, UTC */
            expiresAt: number;
            lastUsed: number | null;
        };
        LearningTradeoff: {
            /** @description Readings are simulated */
            simulated: boolean;
            /** @description A run that shows every part; not to be quoted */
            quick: boolean;
            homes: number;
            rounds: number;
            /** @description Trained where all readings are */
            references: {
                median: {
                    homes: {
                        maeWh: number;
                        /** @description Of the best simple method, without learning */
                        bestWh: number;
                    };
                };
            };
            points: {
                sweep: string;
                series: string;
                at: string;
                /** @description null: without noise */
                epsilon: number | null;
                /** @description Mean absolute error of a home and slot, Wh */
                homesWh: {
                    mean: number;
                    low: number;
                    high: number;
                    seeds: number;
                };
                convergence: {
                    round: number;
                    maeWh: {
                        mean: number;
                        low: number;
                        high: number;
                        seeds: number;
                    };
                }[];
            }[];
        };
        Health: {
            /** @enum {string} */
            status: "ok" | "degraded";
            /** @description Unix seconds, UTC */
            time: number;
            parts: {
                /** @enum {string} */
                database: "ok" | "away";
                /** @enum {string} */
                broker: "ok" | "away";
            };
        };
        System: {
            aggregators: number;
            /** @description Aggregators that it takes to open anything */
            threshold: number;
            /** @description Aggregators that must have endorsed a set before any of them answers */
            quorum: number;
            slotSeconds: number;
            /** @description Of tariffs and billing days */
            timezone: string;
            currency: string;
            /** @description Meters and time are simulated: no figure is of a real household */
            simulated: boolean;
            /** @description Epsilon that one household may spend in all */
            epsilonBudget: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getHealth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    getSystem: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["System"];
                };
            };
        };
    };
    getSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
        };
    };
    signIn: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    name: string;
                    password: string;
                };
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
        };
    };
    signOut: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Ended. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listAccounts: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["Account"][];
                    };
                };
            };
        };
    };
    addAccount: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    name: string;
                    password: string;
                    role: components["schemas"]["RoleInput"];
                    /**
                     * @description A customer's meters; nobody else has any
                     * @default []
                     */
                    meters?: string[];
                };
            };
        };
        responses: {
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
        };
    };
    removeAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Removed. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    changeAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    password?: string;
                    role?: components["schemas"]["RoleInput"];
                    disabled?: boolean;
                    /** @description A customer's meters; nobody else has any */
                    meters?: string[];
                };
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
        };
    };
    listAudit: {
        parameters: {
            query?: {
                /** @description Most rows of a page */
                limit?: number;
                /** @description `next` of the page before */
                after?: string;
                /** @description `csv`: the same rows as RFC 4180, with a header */
                format?: "json" | "csv";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of the audit. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["AuditEntry"][];
                        /** @description `after` of the next page; null at the end */
                        next: string | null;
                    };
                };
            };
        };
    };
    listTokensOf: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["Token"][];
                    };
                };
            };
        };
    };
    removeTokenOf: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Revoked. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listTokens: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["Token"][];
                    };
                };
            };
        };
    };
    addToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    label: string;
                    /** @default 90 */
                    days?: number;
                };
            };
        };
        responses: {
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                        label: string;
                        /** @description Unix seconds, UTC */
                        createdAt: number;
                        /** @description Unix seconds, UTC */
                        expiresAt: number;
                        lastUsed: number | null;
                        token: string;
                    };
                };
            };
        };
    };
    removeToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Revoked. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listBills: {
        parameters: {
            query?: {
                meter?: string;
                /** @description First local date of the period */
                period?: string;
                status?: string;
                /** @description Versions that a correction replaced, too */
                superseded?: string;
                /** @description Most rows of a page */
                limit?: number;
                /** @description `next` of the page before */
                after?: string;
                /** @description `csv`: the same rows as RFC 4180, with a header */
                format?: "json" | "csv";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of bills, newest period first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["BillHead"][];
                        /** @description `after` of the next page; null at the end */
                        next: string | null;
                    };
                };
            };
        };
    };
    getBill: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                meter: string;
                /** @description First local date of the period */
                period: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description The newest last */
                        versions: components["schemas"]["Bill"][];
                    };
                };
            };
        };
    };
    getReceipt: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                meter: string;
                /** @description First local date of the period */
                period: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The receipt. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    listFeeders: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["Feeder"][];
                    };
                };
            };
        };
    };
    listLoads: {
        parameters: {
            query?: {
                /** @description Unix seconds: what begins at this time or later */
                from?: number;
                /** @description Unix seconds: what begins before this time */
                to?: number;
                /** @description Most rows of a page */
                limit?: number;
                /** @description `next` of the page before */
                after?: string;
                /** @description `csv`: the same rows as RFC 4180, with a header */
                format?: "json" | "csv";
            };
            header?: never;
            path: {
                feeder: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of slots, in the order of time. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["FeederLoad"][];
                        /** @description `after` of the next page; null at the end */
                        next: string | null;
                    };
                };
            };
        };
    };
    listBalances: {
        parameters: {
            query?: {
                /** @description Unix seconds: what begins at this time or later */
                from?: number;
                /** @description Unix seconds: what begins before this time */
                to?: number;
                /** @description Most rows of a page */
                limit?: number;
                /** @description `next` of the page before */
                after?: string;
                /** @description `csv`: the same rows as RFC 4180, with a header */
                format?: "json" | "csv";
            };
            header?: never;
            path: {
                feeder: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of slots, in the order of time. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["FeederBalance"][];
                        /** @description `after` of the next page; null at the end */
                        next: string | null;
                    };
                };
            };
        };
    };
    listRounds: {
        parameters: {
            query?: {
                purpose?: string;
                feeder?: string;
                status?: string;
                /** @description Unix seconds: what begins at this time or later */
                from?: number;
                /** @description Unix seconds: what begins before this time */
                to?: number;
                /** @description Most rows of a page */
                limit?: number;
                /** @description `next` of the page before */
                after?: string;
                /** @description `csv`: the same rows as RFC 4180, with a header */
                format?: "json" | "csv";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of rounds. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["Round"][];
                        /** @description `after` of the next page; null at the end */
                        next: string | null;
                    };
                };
            };
        };
    };
    getRound: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                        /** @description `load`, `bill`, `balance` or `vector` */
                        purpose: string;
                        feeder: string;
                        /** @description What the round is about begins here */
                        from: number;
                        /** @description Unix seconds, UTC */
                        to: number;
                        state: string;
                        /** @description `open`, `waiting`, `final`, or the code of why it failed */
                        status: string;
                        reason: string;
                        /** @description Sets that were proposed */
                        sets: number;
                        /** @description Unix seconds, UTC */
                        openedAt: number;
                        untestedMeters: number | null;
                        provedMeters: number | null;
                        unprovedMeters: number | null;
                        detections: components["schemas"]["Detection"][];
                    };
                };
            };
        };
    };
    listDetections: {
        parameters: {
            query?: {
                /** @description Most rows of a page */
                limit?: number;
                /** @description `next` of the page before */
                after?: string;
                /** @description `csv`: the same rows as RFC 4180, with a header */
                format?: "json" | "csv";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of detections. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["Detection"][];
                        /** @description `after` of the next page; null at the end */
                        next: string | null;
                    };
                };
            };
        };
    };
    listResults: {
        parameters: {
            query?: {
                circuit?: string;
                feeder?: string;
                /** @description Unix seconds: what begins at this time or later */
                from?: number;
                /** @description Unix seconds: what begins before this time */
                to?: number;
                /** @description Most rows of a page */
                limit?: number;
                /** @description `next` of the page before */
                after?: string;
                /** @description `csv`: the same rows as RFC 4180, with a header */
                format?: "json" | "csv";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of results. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["AnalyticsResult"][];
                        /** @description `after` of the next page; null at the end */
                        next: string | null;
                    };
                };
            };
        };
    };
    getResult: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        job: string;
                        circuit: string;
                        feeders: string[];
                        series: string[];
                        /** @description Unix seconds, UTC */
                        windowStart: number;
                        /** @description Unix seconds, UTC */
                        windowEnd: number;
                        slots: number;
                        /** @description Meters with a ciphertext in the job */
                        meters: number;
                        unit: string;
                        /** @description Largest error that the analysis allows for, in `unit` */
                        errorBound: number | null;
                        /** @description Aggregators that opened it together */
                        openedBy: number[];
                        /** @description `final`, or why nothing came out */
                        status: string;
                        reason: string;
                        /** @description Unix seconds, UTC */
                        openedAt: number;
                        values: {
                            name: string;
                            position: number;
                            slotStart: number | null;
                            value: number;
                            unit: string;
                            errorBound: number | null;
                        }[];
                        checks: components["schemas"]["CrossCheck"][];
                    };
                };
            };
        };
    };
    listModelRounds: {
        parameters: {
            query?: {
                campaign?: string;
                /** @description Most rows of a page */
                limit?: number;
                /** @description `next` of the page before */
                after?: string;
                /** @description `csv`: the same rows as RFC 4180, with a header */
                format?: "json" | "csv";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of rounds. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["ModelRound"][];
                        /** @description `after` of the next page; null at the end */
                        next: string | null;
                    };
                };
            };
        };
    };
    getTradeoff: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LearningTradeoff"];
                };
            };
        };
    };
    getShowcase: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Showcase"];
                };
            };
        };
    };
    listAlerts: {
        parameters: {
            query?: {
                /** @description `open`: firing, acknowledged or silenced */
                state?: "pending" | "firing" | "acknowledged" | "silenced" | "resolved" | "open";
                severity?: components["schemas"]["AlertSeverityInput"];
                rule?: string;
                /** @description Unix seconds: what begins at this time or later */
                from?: number;
                /** @description Unix seconds: what begins before this time */
                to?: number;
                /** @description Most rows of a page */
                limit?: number;
                /** @description `next` of the page before */
                after?: string;
                /** @description `csv`: the same rows as RFC 4180, with a header */
                format?: "json" | "csv";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of alerts. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["Alert"][];
                        /** @description `after` of the next page; null at the end */
                        next: string | null;
                    };
                };
            };
        };
    };
    listAlertRules: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["AlertRuleInForce"][];
                    };
                };
            };
        };
    };
    getAlert: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AlertWithHistory"];
                };
            };
        };
    };
    acknowledgeAlert: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @default  */
                    comment?: string;
                };
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AlertWithHistory"];
                };
            };
        };
    };
    silenceAlert: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    seconds: number;
                    /** @default  */
                    comment?: string;
                };
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AlertWithHistory"];
                };
            };
        };
    };
    unsilenceAlert: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AlertWithHistory"];
                };
            };
        };
    };
    getGridState: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GridState"];
                };
            };
        };
    };
    getGridTopology: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GridTopology"];
                };
            };
        };
    };
    getGridNode: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GridNode"];
                };
            };
        };
    };
    listGridRisks: {
        parameters: {
            query?: {
                /** @description Most rows of a page */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        time: number;
                        simulated: boolean;
                        stale: boolean;
                        total: number;
                        items: components["schemas"]["GridRisk"][];
                    };
                };
            };
        };
    };
    listGridLosses: {
        parameters: {
            query?: {
                /** @description Unix seconds: what begins at this time or later */
                from?: number;
                /** @description Unix seconds: what begins before this time */
                to?: number;
                /** @description Most rows of a page */
                limit?: number;
                /** @description `next` of the page before */
                after?: string;
                /** @description `csv`: the same rows as RFC 4180, with a header */
                format?: "json" | "csv";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of scans, in the order in which they came. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["GridHistoryRow"][];
                        /** @description `after` of the next page; null at the end */
                        next: string | null;
                    };
                };
            };
        };
    };
    getGridStatistics: {
        parameters: {
            query?: {
                /** @description Unix seconds: what begins at this time or later */
                from?: number;
                /** @description Unix seconds: what begins before this time */
                to?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GridStatistics"];
                };
            };
        };
    };
    optimizeGrid: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /**
                     * @default policy
                     * @enum {string}
                     */
                    method?: "policy" | "exact" | "exchange" | "random";
                    /** @description Power flows that policy and random may spend */
                    mostFlows?: number;
                    /** @description kW that a unit of risk is worth */
                    riskWeight?: number;
                    /** @description kW that a unit of violated limits costs */
                    violationWeight?: number;
                    vMinPu?: number;
                    vMaxPu?: number;
                    /**
                     * @description Branches that are out of order
                     * @default []
                     */
                    broken?: number[];
                    /**
                     * @description Branches that may be closed, though the state has them as faulted
                     * @default []
                     */
                    repaired?: number[];
                    /**
                     * @description Branches that are to stay open
                     * @default []
                     */
                    keepOpen?: number[];
                    /**
                     * @description Branches that are to stay closed
                     * @default []
                     */
                    keepClosed?: number[];
                    /**
                     * @description Of what is drawn
                     * @default 1
                     */
                    seed?: number;
                };
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Optimised"];
                };
            };
        };
    };
    getGridPaths: {
        parameters: {
            query?: {
                method?: "policy" | "exact" | "shortest" | "random";
                riskWeight?: number;
                violationWeight?: number;
                vMinPu?: number;
                vMaxPu?: number;
                broken?: string;
                repaired?: string;
                keepOpen?: string;
                keepClosed?: string;
                mostFlows?: number;
                seed?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GridPaths"];
                };
            };
        };
    };
    getGridForecast: {
        parameters: {
            query?: {
                feeder?: string;
                /** @description A local day; that of the newest load where it is left out */
                date?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GridForecast"];
                };
            };
        };
    };
    getGridMaintenance: {
        parameters: {
            query?: {
                /** @description Weeks that are planned */
                weeks?: number;
                /** @description Of the crew */
                hoursPerWeek?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GridMaintenance"];
                };
            };
        };
    };
    getGridRenewables: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GridRenewables"];
                };
            };
        };
    };
    getCheckpoint: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A signed note. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    getPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A policy. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    listEntries: {
        parameters: {
            query?: {
                type?: string;
                /** @description Most rows of a page */
                limit?: number;
                /** @description `next` of the page before */
                after?: string;
                /** @description `csv`: the same rows as RFC 4180, with a header */
                format?: "json" | "csv";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of entries. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["LogEntry"][];
                        /** @description `after` of the next page; null at the end */
                        next: string | null;
                    };
                };
            };
        };
    };
    proveEntry: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                index: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A proof with its checkpoint. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    proveConsistency: {
        parameters: {
            query: {
                from: number;
                /** @description Default: all entries */
                to?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        from: number;
                        to: number;
                        proof: string[];
                    };
                };
            };
        };
    };
    streamEvents: {
        parameters: {
            query?: {
                /** @description Only these, with commas: load, grid, alert, analytics, learning, checkpoint, rounds */
                types?: string;
            };
            header?: {
                "last-event-id"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Never ends by itself. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
        };
    };
    getMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Figures. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
}

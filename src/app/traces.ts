/**
 * Shared traces: from this machine's sessions into documents, and from teammates' documents into sessions.
 *
 * A session's trace document remembers the revision of the session that it shows; a teammate's, how much of it the
 * sessions show. Both are caught up from there, however the last process ended.
 */
import { createHash } from "node:crypto";
import { homedir, hostname, userInfo } from "node:os";
import { ulid, type DocId, type EventId, type SessionId, type TeamId } from "../base/ids.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { openDoc } from "../crdt/documents.ts";
import { readTrace, removeFromTrace, writeTrace, type Shareable, type TraceEvent } from "../crdt/trace.ts";
import { createGate } from "../privacy/gate.ts";
import type { Store } from "../store/store.ts";

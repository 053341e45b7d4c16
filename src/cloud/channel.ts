/**
 * One private channel, joined for as long as it is wanted. supabase-js joins again after a lost connection and a missed
 * heartbeat; a channel that the server closed (the token expired, the membership ended) it leaves closed, so that one is
 * asked for again here, ever more slowly.
 */
import type { RealtimeChannel, SupabaseClient } from "@supabase/supabase-js";

/** How long until a channel that the server closed is asked for again. */
const ASK_AGAIN_MS = [250, 1000, 5000, 30_000];

export interface ChannelOptions {
  readonly topic: string;
  /** Of broadcasts, by the name of their event. */
  readonly on: Readonly<Record<string, (message: unknown) => void>>;
  /** It hears everything from now on. */
  readonly onReady: () => void;
  readonly onDown: (reason: string) => void;
}

export interface Channel {
  /** Lost when the channel is down. */
  send(event: string, payload: ArrayBuffer): void;
  leave(): void;
}

export function joinChannel(
  client: SupabaseClient,
  { topic, on, onReady, onDown }: ChannelOptions,
): Channel {
  let channel: RealtimeChannel | null = null;
  let ready = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let refusals = 0;
  let stopped = false;

  function again(): void {
    clearTimeout(timer);
    timer = setTimeout(join, ASK_AGAIN_MS[Math.min(refusals++, ASK_AGAIN_MS.length - 1)]);
  }

  function join(): void {
    // Otherwise the first join may go out before supabase-js has read its token.
    void client.realtime.setAuth().then(() => {
      if (stopped) return;
      const joined = client.channel(topic, { config: { private: true } });
      channel = joined;
      for (const [event, onMessage] of Object.entries(on))
        joined.on("broadcast", { event }, (message) => {
          if (!stopped) onMessage(message);
        });
      joined.subscribe((status, error) => {
        if (stopped || channel !== joined) return;
        ready = status === "SUBSCRIBED";
        if (ready) {
          refusals = 0;
          return onReady();
        }
        onDown(error?.message ?? status.toLowerCase());
        if (status === "CLOSED") {
          channel = null;
          again();
        }
      });
    });
  }

  join();
  return {
    send(event, payload) {
      // While it is down supabase-js would send it by a request of its own.
      if (ready) void channel?.send({ type: "broadcast", event, payload });
    },
    leave() {
      stopped = true;
      ready = false;
      clearTimeout(timer);
      if (channel) void client.removeChannel(channel);
    },
  };
}

import "@fontsource-variable/jetbrains-mono";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/list.css";
import "./styles/trace.css";
import "./styles/decision.css";
import "./styles/team.css";
import { render } from "solid-js/web";
import { SOCKET_PATH } from "../app/channel.ts";
import { App } from "./App.tsx";
import { connect } from "./lib/client.ts";

const root = document.querySelector("#root");
if (root === null) throw new Error("no #root in the page");

const address = new URL(SOCKET_PATH, location.href);
address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
const engine = connect(address.href);

render(() => <App engine={engine} />, root);

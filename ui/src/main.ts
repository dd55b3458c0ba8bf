import { mount } from "svelte";
import "./app.css";
import App from "./App.svelte";
import { listen } from "./lib/router.svelte";
import { apply } from "./lib/theme.svelte";

apply();
listen();
mount(App, { target: document.getElementById("app") ?? document.body });

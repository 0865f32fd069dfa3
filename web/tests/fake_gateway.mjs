/**
 * A FAKE gateway for looking at the page and for its browser tests. It speaks the routes that the page
 * uses, serves the built page with the real content security policy, and does what `/fake/*` tells it.
 * No model is behind it: answers are the texts below.
 *
 *   [HUIYAN_PAGE=folder] node tests/fake_gateway.mjs [port]    (0 or nothing: any free port; prints its URL)
 *
 * POST /fake/state   {"engine": {…}, "model": {…}}   merged in and told to the page
 * POST /fake/next    [{…}, …]   how the next completions go, in order:
 *                    text, chunk_ms, chunk_chars · error {status, body} · die_after (chunks, then an error
 *                    event) · cut_after (chunks, then the connection breaks) · delay_ms · usage
 * POST /fake/away    {"ms": 2000}   refuse everything for a while, like a gateway that restarts (answers lost)
 * GET  /fake/log     what was asked: completions with key and body, stops, logs
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const STATIC = process.env.HUIYAN_PAGE ?? fileURLToPath(new URL("../../src/huiyan/static/", import.meta.url));
const CSP = [
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self';",
  "media-src 'self' blob:; font-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none';",
  "frame-ancestors 'none'",
].join(" ");
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};

const model = {
  id: "nano",
  name: "nano",
  demo: true,
  wanted: null,
  context_tokens: 4096,
  max_images: 9,
  image_min_tokens: 64,
  image_max_tokens: 256,
  sampling: { temperature: 0, top_p: 0.8, top_k: 20, presence_penalty: 0 },
};
const engine = {
  state: "ready",
  engine: "llama_cpp",
  model: "nano",
  code: "",
  detail: "",
  hint: "",
  progress: null,
  retry_in_s: null,
  restarts: 0,
  since_unix_s: 0,
};
const limits = {
  max_body_bytes: 96 * 1024 * 1024,
  max_images: 9,
  max_image_bytes: 32 * 1024 * 1024,
  max_image_pixels: 80_000_000,
};

const state = { boot: 1, awayUntil: 0, next: [], log: [], answers: new Map(), pages: new Set() };

const json = (response, status, body) => {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(body));
};
const bodyOf = async (request) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
};
const error = (code, message, hint) => ({
  error: { message, type: "invalid_request_error", code, param: null, request_id: "req-fake", hint },
});
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const hello = () => ({ version: "0.0.0-fake", boot_id: `boot-${state.boot}`, model, engine });
const tell = (name, payload) => {
  for (const page of state.pages) page.write(`event: ${name}\ndata: ${JSON.stringify(payload)}\n\n`);
};

/** One run of a completion: chunks into a buffer that any number of readers follow. */
class Answer {
  constructor(script, request) {
    this.chunks = [];
    this.over = false;
    this.stopped = false;
    this.readers = new Set();
    void this.run(script, request);
  }

  emit(text) {
    this.chunks.push(text);
    for (const reader of this.readers) reader.write(text);
  }

  end() {
    this.over = true;
    for (const reader of this.readers) reader.end();
  }

  async run(script, request) {
    const text = script.text ?? `你问的是：**${request.question}**（图片 ${request.images} 张）`;
    const size = script.chunk_chars ?? 4;
    const delta = (content, finish = null) =>
      `data: ${JSON.stringify({ model: model.id, choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`;
    await wait(script.delay_ms ?? 0);
    for (let at = 0, sent = 0; at < text.length && !this.stopped; at += size, sent += 1) {
      if (sent === script.die_after) {
        this.emit(`data: ${JSON.stringify(error("engine_died", "The engine died.", "It is being restarted."))}\n\n`);
        this.end();
        return;
      }
      if (sent === script.cut_after) {
        for (const reader of this.readers) reader.destroy();
        this.readers.clear();
      }
      this.emit(delta(text.slice(at, at + size)));
      await wait(script.chunk_ms ?? 5);
    }
    this.emit(delta("", this.stopped ? null : (script.finish ?? "stop")));
    const usage = { prompt_tokens: 300, completion_tokens: Math.ceil(text.length / 2), total_tokens: 0 };
    this.emit(`data: ${JSON.stringify({ model: model.id, choices: [], usage })}\n\ndata: [DONE]\n\n`);
    this.end();
  }

  follow(response) {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    for (const chunk of this.chunks) response.write(chunk);
    if (this.over) response.end();
    else {
      this.readers.add(response);
      response.on("close", () => this.readers.delete(response));
    }
  }
}

async function complete(request, response) {
  const key = request.headers["idempotency-key"];
  const raw = await bodyOf(request);
  const body = JSON.parse(raw);
  const known = state.answers.get(key);
  const parts = body.messages.map((message) => message.content);
  const last = parts.at(-1);
  const question = typeof last === "string" ? last : last.filter((part) => part.type === "text").map((part) => part.text).join("");
  const images = parts.flat().filter((part) => part.type === "image_url").length;
  state.log.push({ route: "complete", key, replay: known !== undefined, images, bytes: raw.length, body: { ...body, messages: parts.map((content, i) => ({ role: body.messages[i].role, content: typeof content === "string" ? content : content.map((part) => (part.type === "text" ? part.text : `[${part.image_url.url.slice(0, 30)}]`)) })) } });
  if (known) {
    if (known.raw !== raw) return json(response, 409, error("idempotency_conflict", "Another body.", ""));
    return known.answer.follow(response);
  }
  if (engine.state !== "ready") {
    response.setHeader("Retry-After", "1");
    return json(response, 503, error("engine_starting", "The model is still being loaded.", "Try again."));
  }
  const script = state.next.shift() ?? {};
  if (script.error) return json(response, script.error.status, script.error.body);
  const answer = new Answer(script, { question, images });
  state.answers.set(key, { raw, answer });
  return answer.follow(response);
}

async function control(request, response, path) {
  if (path === "/fake/log") return json(response, 200, state.log);
  const body = JSON.parse((await bodyOf(request)) || "null");
  if (path === "/fake/state") {
    Object.assign(engine, body.engine ?? {});
    if (body.engine) tell("engine", engine);
    if (body.limits) Object.assign(limits, body.limits);
    if (body.model) {
      Object.assign(model, body.model);
      state.boot += 1;
      tell("hello", hello());
    }
  } else if (path === "/fake/next") state.next.push(...body);
  else if (path === "/fake/away") {
    state.awayUntil = Date.now() + body.ms;
    state.boot += 1;
    if (!body.keep) state.answers.clear();
    for (const socket of sockets) if (socket !== request.socket) socket.destroy();
    state.pages.clear();
  }
  return json(response, 200, {});
}

function serveFile(response, path) {
  const name = path === "/" || path === "/chat.html" ? "index.html" : path.slice(1);
  const file = join(STATIC, normalize(name));
  try {
    const bytes = readFileSync(file);
    response.writeHead(200, {
      "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
      "Content-Security-Policy": CSP,
      "X-Content-Type-Options": "nosniff",
    });
    response.end(bytes);
  } catch {
    json(response, 404, error("not_found", "No such file.", ""));
  }
}

const server = createServer((request, response) => {
  const path = new URL(request.url, "http://fake").pathname;
  if (Date.now() < state.awayUntil && !path.startsWith("/fake/")) return request.socket.destroy();
  if (path.startsWith("/fake/")) return void control(request, response, path);
  if (path === "/api/info") {
    const features = { answer_reattach: true, multipart: false, image_upload: false, tools: false, model_fetch: false };
    return json(response, 200, { ...hello(), limits, features, answer_grace_s: 15, answer_keep_s: 600 });
  }
  if (path === "/api/events") {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write(`event: hello\ndata: ${JSON.stringify(hello())}\n\n`);
    state.pages.add(response);
    response.on("close", () => state.pages.delete(response));
    return undefined;
  }
  if (path === "/api/logs") {
    return void bodyOf(request).then((body) => {
      state.log.push({ route: "log", ...JSON.parse(body) });
      json(response, 204, {});
    });
  }
  if (path.startsWith("/api/answers/") && request.method === "DELETE") {
    const key = decodeURIComponent(path.slice("/api/answers/".length));
    state.log.push({ route: "stop", key });
    const known = state.answers.get(key);
    if (known) known.answer.stopped = true;
    return json(response, known ? 200 : 404, {});
  }
  if (path === "/v1/chat/completions") return void complete(request, response);
  if (path === "/health") return json(response, 200, { status: "ok" });
  return serveFile(response, path);
});
const sockets = new Set();
server.on("connection", (socket) => {
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
});
server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});

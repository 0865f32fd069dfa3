import type { Wish } from "./derive.ts";
import type { ImageLimits, PreparedImage } from "./prepare.ts";
import type { PrepareReply, PrepareRequest } from "./prepare.worker.ts";
import { ImageRefused } from "./refusal.ts";

/** A decoded photograph takes 50 MB and more: a few at a time, whatever the number of cores. */
const MOST_WORKERS = 3;

interface Job {
  request: PrepareRequest;
  resolve: (prepared: PreparedImage) => void;
  reject: (cause: unknown) => void;
}

/** Prepares pictures in workers, a few at a time and in their order, so that the page stays smooth. */
export class ImagePreparer {
  readonly #most = Math.max(1, Math.min(MOST_WORKERS, navigator.hardwareConcurrency - 1));
  readonly #idle: Worker[] = [];
  readonly #jobs: Job[] = [];
  #started = 0;

  /** wish: what is to be sent of it; nothing is derived without. Throws: ImageRefused. */
  async prepare(bytes: Uint8Array<ArrayBuffer>, limits: ImageLimits, wish?: Wish): Promise<PreparedImage> {
    try {
      return await this.#run({ bytes, limits, wish });
    } catch (cause) {
      if (!(cause instanceof ImageRefused) || cause.reason !== "svg") throw cause;
      return this.#run({ bytes, limits, wish, raster: await drawing(bytes) });
    }
  }

  async #run(request: PrepareRequest): Promise<PreparedImage> {
    if (typeof Worker === "undefined") {
      const { prepareImage } = await import("./prepare.ts");
      return prepareImage(request.bytes, request.limits, request.wish, request.raster);
    }
    return new Promise((resolve, reject) => {
      this.#jobs.push({ request, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#jobs.length === 0) return;
    const worker = this.#idle.pop() ?? (this.#started < this.#most ? this.#start() : null);
    if (!worker) return;
    const job = this.#jobs.shift() as Job;
    worker.onmessage = (event: MessageEvent<PrepareReply>) => {
      this.#idle.push(worker);
      if ("prepared" in event.data) job.resolve(event.data.prepared);
      else job.reject(new ImageRefused(event.data.refused));
      this.#next();
    };
    worker.onerror = (event) => {
      // The script could not be loaded, or memory ran out: this one is refused, the next one starts afresh.
      event.preventDefault();
      worker.terminate();
      this.#started -= 1;
      job.reject(new ImageRefused("unreadable", event.error));
      this.#next();
    };
    worker.postMessage(job.request);
  }

  #start(): Worker {
    this.#started += 1;
    return new Worker(new URL("./prepare.worker.ts", import.meta.url), { type: "module", name: "pictures" });
  }
}

async function drawing(bytes: Uint8Array<ArrayBuffer>): Promise<Blob> {
  try {
    return await (await import("./svg.ts")).rasterize(bytes);
  } catch (cause) {
    throw new ImageRefused("unreadable", cause);
  }
}

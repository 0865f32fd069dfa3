import type { Wish } from "./derive.ts";
import { ImageRefused, prepareImage, type ImageLimits, type PreparedImage, type RefusalReason } from "./prepare.ts";

export interface PrepareRequest {
  bytes: Uint8Array<ArrayBuffer>;
  limits: ImageLimits;
  wish?: Wish | undefined;
  raster?: Blob | undefined;
}

export type PrepareReply = { prepared: PreparedImage } | { refused: RefusalReason };

addEventListener("message", (event: MessageEvent<PrepareRequest>) => {
  const { bytes, limits, wish, raster } = event.data;
  const reply = (message: PrepareReply) => {
    postMessage(message);
  };
  prepareImage(bytes, limits, wish, raster).then(
    (prepared) => {
      reply({ prepared });
    },
    (cause: unknown) => {
      reply({ refused: cause instanceof ImageRefused ? cause.reason : "unreadable" });
    },
  );
});

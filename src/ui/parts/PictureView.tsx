import { createSignal, onMount, Show, type JSX } from "solid-js";
import { fromBase64 } from "../../base/bytes.ts";
import { bytes } from "../lib/format.ts";
import type { Picture } from "../lib/toolView.ts";

const WIDEST_PX = 1_600;

/** A recorded image, decoded and painted: its bytes never become an address that the page loads. */
export function PictureView(props: {
  readonly picture: Picture;
  readonly index: number;
}): JSX.Element {
  const [state, setState] = createSignal<"reading" | "shown" | "failed">("reading");
  let canvas!: HTMLCanvasElement;

  onMount(() => {
    paint(canvas, props.picture).then(
      () => setState("shown"),
      () => setState("failed"),
    );
  });

  const label = (): string =>
    `Image ${props.index + 1}, ${bytes(Math.floor(props.picture.base64.length * 0.75))}`;
  return (
    <figure class="picture">
      <canvas ref={canvas} role="img" aria-label={label()} hidden={state() !== "shown"} />
      <Show when={state() === "failed"}>
        <p class="quiet">{label()}: this browser cannot show it.</p>
      </Show>
    </figure>
  );
}

async function paint(canvas: HTMLCanvasElement, { mediaType, base64 }: Picture): Promise<void> {
  const bitmap = await createImageBitmap(new Blob([fromBase64(base64)], { type: mediaType }));
  const scale = Math.min(1, WIDEST_PX / bitmap.width);
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
}

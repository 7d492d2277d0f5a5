/** Getting the camera, and letting go of it. */

const WANTED = {
  audio: false,
  video: { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } },
};

/** What the browser calls its reasons, and what they mean here. */
const REASONS = {
  NotAllowedError: "refused",
  SecurityError: "refused",
  NotFoundError: "absent",
  OverconstrainedError: "absent",
  NotReadableError: "busy",
  AbortError: "busy",
};

/** There is no camera to be had. */
export class CameraError extends Error {
  /** @param {"insecure" | "refused" | "absent" | "busy" | "unable"} kind */
  constructor(kind) {
    super(kind);
    this.kind = kind;
  }
}

/**
 * Ask for the camera.
 * @returns {Promise<MediaStream>}
 * @throws {CameraError} there is none, or not for this page
 */
export async function openCamera() {
  if (!window.isSecureContext) throw new CameraError("insecure");
  if (!navigator.mediaDevices?.getUserMedia || !window.MediaRecorder) throw new CameraError("unable");
  try {
    return await navigator.mediaDevices.getUserMedia(WANTED);
  } catch (error) {
    throw new CameraError(REASONS[/** @type {DOMException} */ (error).name] ?? "busy");
  }
}

/**
 * Let go of the camera: its light goes out.
 * @param {MediaStream | null} stream
 */
export function closeCamera(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

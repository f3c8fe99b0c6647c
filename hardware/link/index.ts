export * from "./encode-frame.ts";
export { FrameDecoder, MAX_FRAME_BYTES, type Noise, type RawFrame } from "./frame-decoder.ts";
export {
  type AckFrame,
  type AskFrame,
  DEVICE_FLAGS,
  type DeviceFrame,
  FrameError,
  type HelloFrame,
  type HostFrame,
  type IdentityFrame,
  type LinkFrame,
  MAX_ACK_BYTES,
  type ProvisionFrame,
  REPLY_CODES,
  type ReplyFrame,
  replyName,
  SHARE_MESSAGE_HEAD,
  type ShareFrame,
  type StatusFrame,
} from "./frames.ts";
export * from "./parse-frame.ts";
export * from "./provisioning.ts";

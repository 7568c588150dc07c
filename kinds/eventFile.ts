/**
 * TensorBoard's event file of the scalars of one training. Records are framed as TFRecord (tensorflow/core/lib/io/record_writer.h);
 * each holds an `Event` in protocol buffers (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto).
 */
import { crc32c } from "./crc32c.ts";

export interface Scalars {
  readonly step: number;
  readonly values: Readonly<Record<string, number>>;
}

/** TensorBoard takes a file for events if its name has `tfevents`. */
export const eventFileName = "events.out.tfevents.pipe";

/** `at`, in seconds since 1970, is the wall time of every event. */
export const eventFile = (steps: ReadonlyArray<Scalars>, at: number): Buffer => {
  const time = double(1, at);
  const version = [time, text(3, "brain.Event:2")];
  const events = steps.map(({ step, values }) => [
    time,
    // Like Python's encoder: a number that equals the field's default is left out.
    ...(step === 0 ? [] : [integer(2, step)]),
    bytes(
      5,
      Object.entries(values).map(([name, value]) => bytes(1, [text(1, name), float(2, value)])),
    ),
  ]);
  return Buffer.concat([version, ...events].map((event) => record(Buffer.concat(event))));
};

/** Length, its checksum, data, its checksum. */
const record = (data: Buffer): Buffer => {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, maskedChecksum(length), data, maskedChecksum(data)]);
};

/** Masked, as the format has it, since the checksum of data that hold checksums is weak. */
const maskedChecksum = (data: Buffer): Buffer => {
  const checksum = crc32c(data);
  const masked = Buffer.alloc(4);
  masked.writeUInt32LE((((checksum >>> 15) | (checksum << 17)) + 0xa2_82_ea_d8) >>> 0);
  return masked;
};

const wire = { varint: 0, eightBytes: 1, length: 2, fourBytes: 5 } as const;

const field = (number: number, type: keyof typeof wire, content: Buffer): Buffer =>
  Buffer.concat([varint((number << 3) | wire[type]), content]);

const integer = (number: number, value: number): Buffer => field(number, "varint", varint(value));

const double = (number: number, value: number): Buffer => {
  const content = Buffer.alloc(8);
  content.writeDoubleLE(value);
  return field(number, "eightBytes", content);
};

const float = (number: number, value: number): Buffer => {
  const content = Buffer.alloc(4);
  content.writeFloatLE(value);
  return field(number, "fourBytes", content);
};

const bytes = (number: number, parts: ReadonlyArray<Buffer>): Buffer => {
  const content = Buffer.concat(parts);
  return field(number, "length", Buffer.concat([varint(content.length), content]));
};

const text = (number: number, value: string): Buffer => bytes(number, [Buffer.from(value)]);

/** Seven bits a byte, the lowest first; of whole numbers from 0, divided rather than shifted as they may have more than 32 bits. */
const varint = (value: number): Buffer => {
  const digits: Array<number> = [];
  for (let rest = value; ;) {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    digits.push(rest === 0 ? low : low | 128);
    if (rest === 0) return Buffer.from(digits);
  }
};

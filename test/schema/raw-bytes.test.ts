/** Bytes that are not UTF-8: each is kept until it is known where it stands; text stays as it is. */
import { isUtf8 } from 'node:buffer';
import test from 'ava';
import { decodeText, firstRawBytes, withoutRawBytes } from '../../schema/raw-bytes.ts';
import { Random } from '../helpers/random.ts';

test('text is text', (t) => {
  for (const text of ['', 'a', 'é😀\u{10ffff}', '\ufffd', 'a\ufffdb']) {
    t.is(decodeText(Buffer.from(text)), text);
    t.is(firstRawBytes(text), undefined);
  }
});

test('bytes are text exactly if they are UTF-8, and their characters stay', (t) => {
  const random = new Random(3);
  const interesting = [0x00, 0x41, 0x7f, 0x80, 0xbf, 0xc2, 0xe0, 0xed, 0xef, 0xa0, 0x9f, 0xf0, 0xf4, 0x90, 0x8f, 0xff];
  for (let i = 0; i < 20_000; i++) {
    const bytes = Buffer.from(Array.from({ length: random.below(7) }, () => random.pick(interesting)));
    const text = decodeText(bytes);
    t.is(firstRawBytes(text) === undefined, isUtf8(bytes), bytes.toString('hex'));
    const again = Buffer.concat(
      [...text].map((each) => (each.isWellFormed() ? Buffer.from(each) : Buffer.of(each.charCodeAt(0) - 0xdc00))),
    );
    t.is(again.toString('hex'), bytes.toString('hex'));
  }
});

test('what is sent holds none of them, and an escaped backslash is none', (t) => {
  const text = decodeText(Buffer.from([0x61, 0xff, 0x62]));
  t.is(withoutRawBytes(JSON.stringify([text, text + text])), '["a\ufffdb","a\ufffdba\ufffdb"]');
  const escaped = JSON.stringify(['\\udcff', '\\\\udcff']);
  t.is(withoutRawBytes(escaped), escaped);
});

//! Streams and whole buffers against the cipher and the hash alone.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest::{Context, SHA384};
use bulla_envelope::{Committing, EncryptionContext, Header, Signed};

use super::{Clock, Comparison, FRAME_LEN, Unit, block_on, envelope, failed, interleaved, library};
use crate::error::BenchError;

/// What a stream is fed at once: some frames, all of which stay in a core's cache.
const BLOCK: usize = 64 * FRAME_LEN;
/// How many such blocks a streamed message has.
const BLOCKS: usize = 64;
/// How many a signed one has: the signature itself takes the same time whatever the message's
/// length.
const SIGNED_BLOCKS: usize = 512;
/// The length of what is sealed and opened whole.
const WHOLE: usize = 64 << 20;

const TAG_LEN: usize = 16;
const SEALED_LEN: usize = FRAME_LEN + TAG_LEN;

pub(super) fn compare(rounds: usize) -> Result<Vec<Comparison>, BenchError> {
    let plain = vec![5_u8; BLOCK];
    let mut all = Vec::new();
    let mut add = |name, floor, target, rounds| {
        let unit = Unit::Bytes;
        all.push(Comparison { name, floor, unit, target: Some(target), rounds });
    };
    let reused = "copy and AES-256-GCM, buffer reused";
    let fresh = "copy and AES-256-GCM, buffer fresh";

    let sealing = || seal_stream(Committing::Unsigned, &plain, BLOCKS);
    let pairs = interleaved(Clock::Cpu, rounds, Box::new(floor_seal(&plain)?), Box::new(sealing))?;
    add("04 78, encrypting a stream", reused, 0.8, pairs);

    let message = message(Committing::Unsigned, &plain, BLOCKS)?;
    let opening = || open_stream(&message);
    let pairs = interleaved(Clock::Cpu, rounds, Box::new(floor_open(&plain)?), Box::new(opening))?;
    add("04 78, decrypting a stream", reused, 0.8, pairs);

    let whole = vec![5_u8; WHOLE];
    let context = EncryptionContext::new();
    let envelope = envelope()?;
    let sealing = || Ok(block_on(envelope.encrypt(&whole, &context))?.len() as u64);
    let pairs = interleaved(Clock::Cpu, rounds, Box::new(floor_fresh(&whole)?), Box::new(sealing))?;
    add("04 78, encrypting a buffer", fresh, 0.8, pairs);

    let sealed = block_on(envelope.encrypt(&whole, &context))?;
    let opening = || Ok(block_on(envelope.decrypt(&sealed, &context))?.plaintext.len() as u64);
    let pairs =
        interleaved(Clock::Cpu, rounds, Box::new(floor_fresh_open(&whole)?), Box::new(opening))?;
    add("04 78, decrypting a buffer", fresh, 0.8, pairs);

    let len = (BLOCK * SIGNED_BLOCKS) as u64;
    let hashing = || {
        let mut context = Context::new(&SHA384);
        (0..SIGNED_BLOCKS).for_each(|_| context.update(&plain));
        std::hint::black_box(context.finish());
        Ok(len)
    };
    let sealing = || seal_stream(Committing::Signed, &plain, SIGNED_BLOCKS);
    let pairs = interleaved(Clock::Cpu, rounds, Box::new(hashing), Box::new(sealing))?;
    add("05 78, encrypting a stream", "SHA-384", 0.9, pairs);

    let message = self::message(Committing::Signed, &plain, SIGNED_BLOCKS)?;
    let hashing = || {
        let mut context = Context::new(&SHA384);
        message.chunks(BLOCK).for_each(|piece| context.update(piece));
        std::hint::black_box(context.finish());
        Ok(len)
    };
    let opening = || open_stream(&message);
    let pairs = interleaved(Clock::Cpu, rounds, Box::new(hashing), Box::new(opening))?;
    add("05 78, decrypting a stream", "SHA-384", 0.9, pairs);
    Ok(all)
}

fn key() -> Result<LessSafeKey, BenchError> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[9; 32]).map_err(library)?))
}

fn nonce(number: usize) -> Nonce {
    let mut nonce = [0; 12];
    if let Some(end) = nonce.last_chunk_mut() {
        *end = (number as u64).to_be_bytes();
    }
    Nonce::assume_unique_for_key(nonce)
}

/// Copies each frame's plaintext to where it is sealed in place.
fn floor_seal(plain: &[u8]) -> Result<impl FnMut() -> Result<u64, BenchError>, BenchError> {
    let key = key()?;
    let mut out = vec![0; plain.len()];
    Ok(move || {
        for number in 0..BLOCKS {
            seal_frames(&key, number, plain, &mut out)?;
        }
        Ok((plain.len() * BLOCKS) as u64)
    })
}

fn seal_frames(
    key: &LessSafeKey,
    block: usize,
    plain: &[u8],
    out: &mut [u8],
) -> Result<(), BenchError> {
    let frames = plain.chunks(FRAME_LEN).zip(out.chunks_mut(FRAME_LEN));
    for (number, (plain, out)) in frames.enumerate() {
        out.copy_from_slice(plain);
        let nonce = nonce(block * plain.len() + number);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), out).map_err(library)?;
        std::hint::black_box(tag.as_ref());
    }
    Ok(())
}

/// Copies each frame's ciphertext to where it is opened in place.
fn floor_open(plain: &[u8]) -> Result<impl FnMut() -> Result<u64, BenchError>, BenchError> {
    let key = key()?;
    // As many bytes as the message has: they come from memory there, too.
    let sealed = sealed_frames(&key, &plain.repeat(BLOCKS))?;
    let mut out = vec![0; SEALED_LEN];
    let len = (plain.len() * BLOCKS) as u64;
    Ok(move || {
        for (number, sealed) in sealed.chunks(SEALED_LEN).enumerate() {
            out.copy_from_slice(sealed);
            key.open_in_place(nonce(number), Aad::empty(), &mut out).map_err(library)?;
        }
        Ok(len)
    })
}

/// Frames one after the other, each ciphertext and tag.
fn sealed_frames(key: &LessSafeKey, plain: &[u8]) -> Result<Vec<u8>, BenchError> {
    let mut all = Vec::with_capacity(plain.len() / FRAME_LEN * SEALED_LEN);
    for (number, plain) in plain.chunks(FRAME_LEN).enumerate() {
        let mut sealed = plain.to_vec();
        let nonce = nonce(number);
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed).map_err(library)?;
        all.extend_from_slice(&sealed);
    }
    Ok(all)
}

/// As [`floor_seal`], into memory that the kernel has to give first.
fn floor_fresh(plain: &[u8]) -> Result<impl FnMut() -> Result<u64, BenchError>, BenchError> {
    let key = key()?;
    Ok(move || {
        let mut out = vec![0; plain.len()];
        seal_frames(&key, 0, plain, &mut out)?;
        Ok(std::hint::black_box(out).len() as u64)
    })
}

fn floor_fresh_open(plain: &[u8]) -> Result<impl FnMut() -> Result<u64, BenchError>, BenchError> {
    let key = key()?;
    let sealed = sealed_frames(&key, plain)?;
    Ok(move || {
        let mut out = vec![0; plain.len() + TAG_LEN];
        for (number, sealed) in sealed.chunks(SEALED_LEN).enumerate() {
            let at = number * FRAME_LEN;
            let place = out.get_mut(at..at + sealed.len()).unwrap_or_default();
            place.copy_from_slice(sealed);
            key.open_in_place(nonce(number), Aad::empty(), place).map_err(library)?;
        }
        Ok(std::hint::black_box(out).len() as u64)
    })
}

fn seal_stream(suite: Committing, plain: &[u8], blocks: usize) -> Result<u64, BenchError> {
    let envelope = envelope()?.suite(suite);
    let mut sealer = block_on(envelope.sealer(&EncryptionContext::new(), None))?;
    let mut out = vec![0; sealer.bound(2 * plain.len())];
    for _ in 0..blocks {
        let written = sealer.write(plain, &mut out).map_err(failed)?;
        std::hint::black_box(out.get(..written));
    }
    sealer.finish(&mut out).map_err(failed)?;
    Ok((plain.len() * blocks) as u64)
}

fn message(suite: Committing, plain: &[u8], blocks: usize) -> Result<Vec<u8>, BenchError> {
    let envelope = envelope()?.suite(suite);
    block_on(envelope.encrypt(&plain.repeat(blocks), &EncryptionContext::new()))
}

fn open_stream(message: &[u8]) -> Result<u64, BenchError> {
    let header = Header::parse(message).map_err(failed)?;
    let none = EncryptionContext::new();
    let envelope = envelope()?;
    let mut opener = block_on(envelope.opener(&header, &none, Signed::ReleaseEarly))?;
    let mut out = vec![0; opener.bound(2 * BLOCK)];
    let mut len = 0;
    for piece in message.get(header.as_bytes().len()..).unwrap_or_default().chunks(BLOCK) {
        len += opener.write(piece, &mut out).map_err(failed)? as u64;
        std::hint::black_box(&out);
    }
    opener.finish().map_err(failed)?;
    Ok(len)
}

//! Numbers in a form that says nothing without the key: a nonce, and the number under a mask made of it.

use crate::tokens::{Purpose, Tokens, random};

pub type Masked = [u8; 16];

pub struct Mask<'a>(&'a Tokens);

impl<'a> Mask<'a> {
    pub fn new(tokens: &'a Tokens) -> Self {
        Self(tokens)
    }

    pub fn mask(&self, number: i64) -> Masked {
        let nonce: [u8; 8] = random();
        let mut masked = [0; 16];
        masked[..8].copy_from_slice(&nonce);
        masked[8..].copy_from_slice(&(self.pad(&nonce) ^ number).to_be_bytes());
        masked
    }

    pub fn unmask(&self, masked: &Masked) -> i64 {
        let (nonce, number) = masked.split_at(8);
        self.pad(nonce) ^ number.iter().fold(0, |number, byte| number << 8 | i64::from(*byte))
    }

    fn pad(&self, nonce: &[u8]) -> i64 {
        let hash = self.0.keyed_hash(Purpose::LimitSlot, &[nonce]);
        hash[..8].iter().fold(0, |pad, byte| pad << 8 | i64::from(*byte))
    }
}

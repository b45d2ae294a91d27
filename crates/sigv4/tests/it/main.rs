//! The verifier against AWS's own suite, against a second signer, and against forgers.

#[cfg(test)]
mod differential;
#[cfg(test)]
mod forgeries;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod request;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod window;

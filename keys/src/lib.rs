//! Whatever needs a secret: signing keys, the key ring, certificates, encrypted fields; and the two sources of what no
//! rule may make up, time and chance.

pub mod sources;

//! Media of private messages: uploads, promotion, reading, removal.

mod announcing;
mod deletion;
mod foreign;
mod kinds;
mod large;
mod located;
mod names;
mod presigned;
mod promotion;
mod reading;
mod unfit;

/// Files of `tests/media/` that are kept as they are: kind, content type, and size as shown.
const PLAIN: [(&str, &str, &str, u32, u32); 13] = [
    ("plain.png", "image", "image/png", 64, 48),
    ("photo.jpg", "image", "image/jpeg", 96, 64),
    ("sideways.jpg", "image", "image/jpeg", 64, 96),
    ("lossy.webp", "image", "image/webp", 72, 40),
    ("lossless.webp", "image", "image/webp", 50, 70),
    ("animated.webp", "image", "image/webp", 40, 30),
    ("animated.gif", "image", "image/gif", 40, 30),
    ("clip.mp4", "video", "video/mp4", 128, 72),
    ("faststart.mp4", "video", "video/mp4", 128, 72),
    ("sideways.mov", "video", "video/quicktime", 72, 128),
    ("clip.webm", "video", "video/webm", 160, 90),
    ("live.webm", "video", "video/webm", 160, 90),
    ("wide.webm", "video", "video/webm", 96, 72),
];

/// Images with a location in their metadata.
const LOCATED: [(&str, &str, u32, u32); 4] = [
    ("located.png", "image/png", 60, 80),
    ("located.jpg", "image/jpeg", 64, 96),
    ("located.webp", "image/webp", 88, 56),
    ("located.gif", "image/gif", 40, 30),
];

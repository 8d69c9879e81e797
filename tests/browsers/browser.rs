//! A browser without a window, which opens samples from a server of the test's own and tells what it shows.

use std::{
    fmt,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use serde::Deserialize;

use super::Sample;

/// How long a browser may take for all of its samples.
const PATIENCE: Duration = Duration::from_secs(120);

/// Samples that one browser opens. Firefox stops loading images when too many of them are damaged.
const AT_ONCE: usize = 40;

pub struct Browser {
    program: PathBuf,
    options: &'static [&'static str],
    /// Before the folder of its profile.
    profile: &'static str,
}

/// A sample as a browser shows it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Seen {
    pub size: Option<(u32, u32)>,
    /// A hash of all pixels of an image.
    pixels: u64,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::in_words(self.size))
    }
}

impl Browser {
    pub fn chromium() -> Option<Self> {
        const OPTIONS: &[&str] = &[
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-dev-shm-usage",
            "--disable-sync",
            "--force-color-profile=srgb",
        ];
        let found = Self::find(&["chromium", "chromium-browser", "google-chrome"], OPTIONS, "--user-data-dir=");
        if found.is_none() {
            println!("skipped: there is no Chromium to compare with");
        }
        found
    }

    pub fn firefox() -> Option<Self> {
        Self::find(&["firefox-esr", "firefox"], &["--headless", "--no-remote"], "--profile=")
    }

    fn find(names: &[&str], options: &'static [&'static str], profile: &'static str) -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let mut programs =
            names.iter().flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)));
        Some(Self { program: programs.find(|program| program.is_file())?, options, profile })
    }

    /// Each sample as the browser shows it.
    pub fn show(&self, samples: &[Sample]) -> Vec<Seen> {
        samples.chunks(AT_ONCE).flat_map(|samples| self.show_some(samples)).collect()
    }

    fn show_some(&self, samples: &[Sample]) -> Vec<Seen> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}/", listener.local_addr().expect("an address"));
        let (tell, told) = mpsc::channel();
        let samples: Arc<[Sample]> = samples.into();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (samples, tell) = (samples.clone(), tell.clone());
                thread::spawn(move || serve(connection, &samples, &tell));
            }
        });
        let folder = Folder::new();
        let profile = format!("{}{}", self.profile, folder.0.display());
        // Firefox takes its option and the folder as two.
        let profile = profile
            .split_once("profile=")
            .map_or(vec![profile.clone()], |(dashes, folder)| vec![format!("{dashes}profile"), folder.to_owned()]);
        let browser = Command::new(&self.program)
            .args(self.options)
            .args(profile)
            .arg(address)
            .env("HOME", &folder.0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let browser = Running(browser.expect("a browser that starts"));
        let seen = told.recv_timeout(PATIENCE);
        drop(browser);
        seen.unwrap_or_else(|_| panic!("{} did not answer", self.program.display()))
    }
}

/// A browser that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder that goes with its test. The browser's last processes may still be writing to it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("sotto-browser-{}-{:?}", std::process::id(), thread::current().id());
        let folder = std::env::temp_dir().join(name.replace(['(', ')'], ""));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(Path::new(&self.0));
    }
}

/// Answers the requests of one connection.
fn serve(connection: TcpStream, samples: &[Sample], tell: &mpsc::Sender<Vec<Seen>>) {
    let mut reader = BufReader::new(connection.try_clone().expect("a connection"));
    let mut writer = connection;
    while let Some((path, range, body)) = read_request(&mut reader) {
        let sample = path.strip_prefix("/sample/").and_then(|index| samples.get(index.parse::<usize>().ok()?));
        let (content_type, whole) = match (path.as_str(), sample) {
            (_, Some(sample)) => (sample.content_type, sample.bytes.clone()),
            ("/", _) => ("text/html", PAGE.as_bytes().to_vec()),
            ("/kinds", _) => {
                let kinds: Vec<bool> = samples.iter().map(Sample::is_video).collect();
                ("application/json", serde_json::to_vec(&kinds).expect("a list"))
            }
            ("/seen", _) => {
                let _ = tell.send(serde_json::from_slice(&body).expect("what was seen"));
                ("text/plain", Vec::new())
            }
            _ => ("text/plain", Vec::new()),
        };
        let size = whole.len();
        let (status, part) = match range {
            Some((first, last)) if first < size => {
                let end = last.map_or(size, |last| (last + 1).min(size));
                (format!("206 Partial Content\r\nContent-Range: bytes {first}-{}/{size}", end - 1), &whole[first..end])
            }
            _ => ("200 OK".to_owned(), &whole[..]),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nAccept-Ranges: bytes\r\n\r\n",
            part.len()
        );
        if writer.write_all(&[head.as_bytes(), part].concat()).is_err() {
            return;
        }
    }
}

type Request = (String, Option<(usize, Option<usize>)>, Vec<u8>);

/// Path, range and body.
fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let (mut range, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some((start, end)) = line.strip_prefix("range: bytes=").and_then(|range| range.split_once('-')) {
            range = start.parse().ok().map(|start| (start, end.parse().ok()));
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, range, body))
}

/// Opens one sample after the other. An image of which no pixel is shown counts as nothing.
const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><body><script>
const nothing = { size: null, pixels: 0 };
const patience = (done) => setTimeout(() => done(nothing), 5000);
const image = (source) => new Promise((done) => {
  const late = patience(done), image = new Image();
  image.onerror = () => { clearTimeout(late); done(nothing); };
  image.onload = async () => {
    clearTimeout(late);
    document.body.append(image);
    await image.decode().catch(() => {});
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    try {
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      const hash = data.reduce((hash, byte) => Math.imul(hash ^ byte, 16777619) >>> 0, 2166136261);
      const isShown = data.some((byte) => byte > 0);
      done(isShown ? { size: [canvas.width, canvas.height], pixels: hash } : nothing);
    } catch { done(nothing); }
  };
  image.src = source;
});
const video = (source) => new Promise((done) => {
  const late = patience(done), video = document.createElement("video");
  video.muted = true;
  video.preload = "auto";
  video.onerror = () => { clearTimeout(late); done(nothing); };
  video.onloadeddata = () => {
    clearTimeout(late);
    // Without a picture, the sound alone.
    done(video.videoWidth ? { size: [video.videoWidth, video.videoHeight], pixels: 0 } : nothing);
  };
  video.src = source;
  document.body.append(video);
});
(async () => {
  const seen = [];
  for (const [index, isVideo] of (await (await fetch("/kinds")).json()).entries()) {
    seen.push(await (isVideo ? video : image)(`/sample/${index}`));
  }
  await fetch("/seen", { method: "POST", body: JSON.stringify(seen) });
})();
</script>"#;

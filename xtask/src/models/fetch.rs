//! Obtains the pinned botocore with pip and unpacks the models it carries.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::served::Served;

/// Unpacks models from a wheel. Members become lists: their order means something, and an object's
/// order would be lost on the way through a sorted map.
const UNPACK: &str = r#"
import gzip, json, sys, zipfile
wheel, target = zipfile.ZipFile(sys.argv[1]), sys.argv[2]
for row in sys.argv[3:]:
    name, folder = row.split("=")
    text = gzip.decompress(wheel.read(f"botocore/data/{folder}/service-2.json.gz"))
    model = json.loads(text)
    for shape in model["shapes"].values():
        if "members" in shape:
            shape["members"] = [dict(ref, name=key) for key, ref in shape["members"].items()]
    with open(f"{target}/{name}.json", "w") as out:
        json.dump(model, out)
"#;

/// The folder which then holds `<id>.json` for every service.
pub(super) fn unpack(root: &Path, served: &Served) -> Result<PathBuf, String> {
    let cache = root.join("target/models-cache");
    fs::create_dir_all(&cache).map_err(|e| format!("can't make {}: {e}", cache.display()))?;
    let wheel = cache.join(format!("botocore-{}-py3-none-any.whl", served.botocore));
    if !wheel.exists() {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"]).arg(&cache);
        pip.arg(format!("botocore=={}", served.botocore));
        succeed(&mut pip, "download botocore with pip")?;
    }
    let mut python = Command::new("python3");
    python.args(["-c", UNPACK]).arg(&wheel).arg(&cache);
    let taken = served.services.iter().filter_map(|row| Some((&row.id, row.model.as_ref()?)));
    python.args(taken.map(|(id, model)| format!("{id}={model}")));
    succeed(&mut python, "unpack botocore's models")?;
    Ok(cache)
}

fn succeed(command: &mut Command, job: &str) -> Result<(), String> {
    let status = command.status().map_err(|e| format!("can't run python3 to {job}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("could not {job}: {status}")) }
}
